"""K-fold cross-validation: which rows are left out, who judges them, where refits run."""

from __future__ import annotations

import pickle
import warnings
from concurrent.futures import Future, ThreadPoolExecutor
from inspect import signature

import arviz as az
import numpy as np
import pytest
from agreement import within
from fake_fit import fake_fit
from gaussian_fit import RHO, SDS, linear_algebra, refitted, sleepstudy
from methods import kfold, log_lik, loo
from scipy import stats
from scipy.special import logsumexp

import glimmer as gl
from glimmer.errors import ArgumentError, DataError, NotFitted, WrongLength
from glimmer.families import get_family
from glimmer.fitted import Settings
from glimmer.results.compare import refit
from glimmer.results.compare.compare import loo_compare
from glimmer.results.compare.kfold import fold_rows
from glimmer.results.compare.refit import repeated


@pytest.fixture(scope="module", autouse=True)
def exact_refits():
    with linear_algebra():
        yield


@pytest.fixture(scope="module")
def sleep():
    return sleepstudy(200)


@pytest.fixture(scope="module")
def by_group(sleep):
    return kfold(sleep, group="Subject", save_fits=True)


def _quiet_loo(model):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return loo(model)


def test_new_subjects_are_harder_than_new_days(sleep, by_group):
    """Full Bayes with nutpie: loo -862, leave-one-subject-out about -950."""
    by_row = _quiet_loo(sleep)
    assert -960 < by_group.elpd < -930 < -875 < by_row.elpd < -845
    with pytest.warns(UserWarning, match="K-fold"):
        table = loo_compare(rows=by_row, subjects=by_group)
    assert table.index.tolist() == ["rows", "subjects"]


def test_each_group_is_left_out_once(sleep, by_group):
    assert isinstance(by_group, az.ELPDDataLOOKFold)
    assert by_group.n_folds == 18 and by_group.n_samples == 400
    assert by_group.elpd_i["obs_id"].values.tolist() == list(range(180))
    full = logsumexp(log_lik(sleep).values, axis=(0, 1)) - np.log(400)
    assert by_group.p == pytest.approx(full.sum() - by_group.elpd)
    assert by_group.se == pytest.approx(np.sqrt(180 * by_group.elpd_i.values.var()))


def test_a_group_that_is_left_out_is_judged_as_a_new_one(sleep, by_group):
    """Its effects come from N(0, Sigma): compare with the marginal normal density."""
    posterior = by_group.fold_fits[0]["posterior"]
    days = sleep.frame.numeric("Days").values[:10]
    mu = posterior["Intercept"].values[..., None] + posterior["Days"].values[..., None] * days
    variance = SDS[0] ** 2 + 2 * RHO * SDS[0] * SDS[1] * days + (SDS[1] * days) ** 2
    sd = np.sqrt(variance + posterior["sigma"].values[..., None] ** 2)
    z = (sleep.design.y[:10] - mu) / sd
    expected = (stats.norm.pdf(z) / sd).mean(axis=(0, 1))
    found = np.exp(by_group.elpd_i[:10])
    assert within(found / expected, 1, sampled_effects_error(sleep, posterior, mu, variance))
    seen = posterior["1|Subject"].std(("chain", "draw"))
    assert seen[0] > 1.5 * seen[1:].max()


def sampled_effects_error(sleep, posterior, mu, variance):
    """Of an average of 400 densities given drawn effects, relative to their expectation."""
    y, sigma = sleep.design.y[:10], posterior["sigma"].values[..., None]
    mean = stats.norm.pdf(y, mu, np.sqrt(variance + sigma**2))
    square = stats.norm.pdf(y, mu, np.sqrt(variance + sigma**2 / 2)) / (2 * np.sqrt(np.pi) * sigma)
    return np.sqrt((square - mean**2).mean(axis=(0, 1)) / 400) / mean.mean(axis=(0, 1))


def test_folds_partition_the_rows(sleep):
    for folds in (
        fold_rows(sleep.fitted_model, None, None, None, 1),
        fold_rows(sleep.fitted_model, 7, None, None, 1),
        fold_rows(sleep.fitted_model, 5, None, "Subject", 1),
    ):
        assert sorted(np.concatenate(folds)) == list(range(180))
    assert [len(rows) for rows in fold_rows(sleep.fitted_model, 7, None, None, 1)] == [26] * 5 + [
        25
    ] * 2
    grouped = fold_rows(sleep.fitted_model, 5, None, "Subject", 1)
    assert sorted(len(rows) for rows in grouped) == [30, 30, 40, 40, 40]
    assert all(set(np.bincount(rows // 10)) <= {0, 10} for rows in grouped)


def test_folds_of_ones_own(sleep):
    label = np.where(np.arange(180) % 3 == 0, "b", "a")
    first, second = fold_rows(sleep.fitted_model, None, label, None, None)
    assert second.tolist() == list(range(0, 180, 3)) and len(first) == 120


def test_the_seed_decides_the_folds(sleep):
    one, two, other = (fold_rows(sleep.fitted_model, 5, None, None, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
    assert not np.array_equal(one[0], other[0])


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"k": 1}, ArgumentError),
        ({"k": 181}, ArgumentError),
        ({"k": 19, "group": "Subject"}, ArgumentError),
        ({"k": 3, "folds": np.arange(180) % 3}, ArgumentError),
        ({"folds": np.zeros(180)}, ArgumentError),
        ({"folds": [1, 2]}, WrongLength),
        ({"group": "Subjct"}, gl.errors.UnknownColumn),
    ],
)
def test_impossible_folds(sleep, given, error):
    with pytest.raises(error):
        kfold(sleep, **given)


def test_before_the_fit():
    with pytest.raises(NotFitted):
        kfold(gl.GlmerBuilder("Reaction ~ Days", gl.load_data("sleepstudy")))


class Counting(ThreadPoolExecutor):
    """Counts what it is given, and sends it through pickle as a pool of processes does."""

    submitted = 0

    def submit(self, fn, /, *args, **kwargs) -> Future:
        type(self).submitted += 1
        travelled = pickle.loads(pickle.dumps((fn, args)))  # noqa: S301
        return super().submit(travelled[0], *travelled[1], **kwargs)


def test_any_executor_gives_the_same_numbers(sleep):
    here = kfold(sleep, 3, group="Subject", random_seed=1)
    with Counting(max_workers=1) as executor:
        there = kfold(sleep, 3, group="Subject", random_seed=1, executor=executor)
    assert Counting.submitted == 3
    np.testing.assert_array_equal(here.elpd_i, there.elpd_i)


def test_families_travel_between_processes():
    for name, link in (("binomial", "cloglog"), ("Gamma", None), ("gaussian", "log")):
        family = get_family(name, link)
        other = pickle.loads(pickle.dumps(family))  # noqa: S301
        assert (other.name, other.link_name) == (family.name, family.link_name)


def test_refits_repeat_the_fit_with_seeds_of_their_own(sleep, monkeypatch):
    seen = []

    def spy(model, settings):
        seen.append((settings, model.design.n))
        return refitted(model, settings)

    monkeypatch.setattr(refit, "refitted", spy)
    kfold(sleep, 3, random_seed=1)
    assert [n for _, n in seen] == [120, 120, 120]
    assert len({given.random_seed for given, _ in seen}) == 3
    assert all((given.draws, given.chains) == (200, 2) for given, _ in seen)
    assert sleep.design.n == 180 and sleep.fitted["posterior"].sizes["draw"] == 200


def test_arguments_of_the_sampler_are_kept():
    settings = Settings(draws=7, target_accept=0.9, extra={"maxdepth": 12})
    assert vars(repeated(settings, 5)) == {
        **vars(Settings()),
        "draws": 7,
        "target_accept": 0.9,
        "extra": {"maxdepth": 12},
        "random_seed": 5,
        "progressbar": False,
    }
    assert set(vars(settings)) - {"extra"} <= set(signature(gl.ModelBuilder.fit).parameters)


def test_flat_priors_need_every_level_in_every_fold():
    formula = "cbind(incidence, size - incidence) ~ period + (1 | herd)"
    given = {"prior": gl.flat(), "checks": {"flat_prior": "ignore"}}
    model = gl.GlmerBuilder(formula, gl.load_data("cbpp"), "binomial", **given)
    model.idata = fake_fit(gl.GlmerBuilder(formula, gl.load_data("cbpp"), "binomial")).fitted
    model.settings = Settings(draws=10, chains=1)
    with pytest.raises(DataError, match="flat"):
        kfold(model, group="period")
