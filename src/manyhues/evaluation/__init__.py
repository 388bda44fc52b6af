"""Measuring colourings: the metrics, the judge network, the protocol and the report.

`metrics` is numpy alone; `judge` wants the extra ``train`` (PyTorch and the judge's weights).
"""
