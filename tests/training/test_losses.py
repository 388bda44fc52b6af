import numpy as np
import torch
from skimage.color import rgb2lab

from manyhues.training.methods.mdn import mixture_loss
from manyhues.training.networks import losses


def fields(count: int = 60, size: int = 4) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(2 * size * size, 2 * size * size, generator=generator) * torch.linspace(
        2, 0.05, 2 * size * size
    )
    flat = torch.randn(count, 2 * size * size, generator=generator) @ mixing.T
    return flat.view(count, 2, size, size)


def test_principal_components_agree_with_numpy() -> None:
    x = fields(400)
    components = losses.PrincipalComponents.fit(x, count=5)
    covariance = np.cov(x.flatten(1).numpy().T, bias=True)
    largest = np.linalg.eigvalsh(covariance)[::-1][:5]
    np.testing.assert_allclose(components.variances.numpy(), largest, rtol=0.02)
    unit = components.directions @ components.directions.T
    np.testing.assert_allclose(unit.numpy(), np.eye(5), atol=1e-4)


def test_specificity_by_hand() -> None:
    # Two components along the first two axes of an 8-dimensional field.
    components = losses.PrincipalComponents(
        torch.zeros(8), torch.eye(8)[:2], torch.tensor([4.0, 0.5])
    )
    error = torch.tensor([2.0, 1.0, 3.0, 0, 0, 0, 0, 1.0]).view(1, 2, 2, 2)
    # 2^2/4 + 1^2/.5 on the components; (3^2 + 1^2)/.5 off them
    assert losses.specificity(error, components).item() == torch.tensor(1 + 2 + 20).item()


def test_gradient_by_hand() -> None:
    target = torch.zeros(1, 2, 2, 2)
    output = torch.zeros(1, 2, 2, 2)
    output[0, 0] = torch.tensor([[0.0, 3.0], [0.0, 3.0]])  # two horizontal steps of 3, none down
    assert abs(losses.gradient(output, target).item() - np.sqrt(18)) < 1e-4


def test_kl_by_hand() -> None:
    mean, log_variance = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, np.log(4.0)]])
    expected = 0.5 * (1.0 + 4.0 - 1.0 - np.log(4.0))
    assert abs(losses.kl_to_standard_normal(mean, log_variance).item() - expected) < 1e-6


def test_in_gamut_bins_agree_with_scikit_image() -> None:
    axis = np.linspace(0, 1, 40)
    cube = np.stack(np.meshgrid(axis, axis, axis), -1).reshape(1, -1, 3)
    ab = np.round(rgb2lab(cube)[0, :, 1:] / 10).astype(int)
    reached = {tuple(pair) for pair in ab}
    ours = {(i // 23 - 11, i % 23 - 11) for i in np.flatnonzero(losses.in_gamut_bins())}
    assert reached <= ours  # the finer cube may touch a few more along the border
    assert len(ours - reached) <= 5


def test_rarity_weights_favour_rare_colours_and_average_to_one() -> None:
    ab = torch.zeros(4, 2, 8, 8)
    ab[0, 0, :2, :2] = 60.0  # 4 of 256 pixels are red
    weights = losses.rarity_weights(ab)
    each = losses.pixel_weights(ab, weights)
    assert abs(each.mean().item() - 1.0) < 1e-4
    assert each[0, 0, 0, 0] > 5 * each[1, 0, 0, 0]
    assert weights.max() / weights.min() < 1000  # the plain inverse would span far more


def test_colourfulness_is_weighted_squared_error() -> None:
    ab = torch.zeros(2, 2, 2, 2)
    ab[1] = 50.0
    weights = torch.ones(23 * 23)
    error = torch.full_like(ab, 0.5)
    assert losses.colourfulness(error, ab, weights).item() == losses.squared(error).item()
    weights[losses._bins(ab)[1, 0, 0]] = 3.0
    # picture 0 counts once, picture 1 three times: (8 * .25 + 3 * 8 * .25) / 2
    assert losses.colourfulness(error, ab, weights).item() == 4.0


def test_mixture_likelihood_agrees_with_torch_distributions() -> None:
    torch.manual_seed(0)
    code, logits = torch.randn(5, 3), torch.randn(5, 4)
    mean, log_sigma = torch.randn(5, 4, 3), torch.randn(5, 4, 3) * 0.3
    reference = torch.distributions.MixtureSameFamily(
        torch.distributions.Categorical(logits=logits),
        torch.distributions.Independent(torch.distributions.Normal(mean, log_sigma.exp()), 1),
    )
    ours = mixture_loss(code, logits.log_softmax(1), mean, log_sigma, winner_takes_all=False)
    assert torch.allclose(ours, -reference.log_prob(code).mean(), atol=1e-5)


def test_winner_takes_all_blames_the_nearest_component() -> None:
    mean = torch.tensor([[[0.0, 0.0], [3.0, 3.0]]]).requires_grad_()
    log_pi = torch.log(torch.tensor([[0.25, 0.75]]))
    log_sigma = torch.full((1, 2, 2), float(np.log(0.1)))
    code = torch.tensor([[0.2, 0.1]])
    loss = mixture_loss(code, log_pi, mean, log_sigma, winner_takes_all=True)
    # -log pi + |z - mu|^2 / (2 sigma^2) + K log(sigma sqrt(2 pi))
    expected = -np.log(0.25) + 0.05 / 0.02 + 2 * np.log(0.1 * np.sqrt(2 * np.pi))
    assert abs(loss.item() - expected) < 1e-4
    loss.backward()
    assert mean.grad is not None
    assert mean.grad[0, 0].abs().sum() > 0
    assert mean.grad[0, 1].abs().sum() == 0
