"""sRGB, CIE L*a*b*, colour profiles."""
