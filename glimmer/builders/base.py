"""Does what all builders share once a specification is learned: build, fit, results of the fit."""

from __future__ import annotations

import os
from collections.abc import Iterable
from copy import copy
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from glimmer.builders.methods import Method
from glimmer.builders.spelling import check_spelling
from glimmer.errors import ArgumentError, NotFitted

if TYPE_CHECKING:
    import numpy as np
    import pymc as pm
    import xarray as xr

    from glimmer.data import Frame
    from glimmer.fitted import Fitted, Model, Settings
    from glimmer.spec import Design, ModelSpec


class ModelBuilder:
    """A model that can be built, fitted and asked.

    Attributes
    ----------
    spec : ModelSpec
        The specification, an immutable value.
    design : Design
        Its arrays for the training rows.
    frame : Frame
        The training rows.
    idata : InferenceData (an xarray.DataTree) or None
        The last fit.
    """

    spec: ModelSpec
    design: Design
    frame: Frame
    idata: xr.DataTree | None = None
    functions: Any = None
    settings: Settings | None = None
    verb: str = "model"
    arguments: tuple[tuple[Any, ...], dict[str, Any]] | None = None

    def __new__(cls, *args: Any, **keywords: Any) -> Self:
        """Keep the arguments, for `update`; a model that is loaded has none."""
        model = super().__new__(cls)
        model.arguments = (args, keywords) if args or keywords else None
        return model

    def build(self) -> pm.Model:
        """Return the model as a plain ``pymc.Model``, new at each call.

        Coefficients are named after their terms, group-specific effects as in ``1|Subject``, their
        standard deviations ``1|Subject_sigma``; rows have the dimension ``obs_id``.

        Examples
        --------
        >>> import glimmer as gl
        >>> model = gl.GlmerBuilder("Reaction ~ Days + (1 | Subject)", gl.load_data("sleepstudy"))
        >>> [v.name for v in model.build().free_RVs]
        ['sigma', 'Intercept_centered', 'Days', 'Subject_tau', '1|Subject']
        """
        from glimmer.assemble import assemble

        return assemble(self.spec, self.design).model

    def fit(
        self,
        model: pm.Model | None = None,
        *,
        draws: int = 1000,
        tune: int = 1000,
        chains: int = 4,
        cores: int | None = None,
        sampler: str = "nutpie",
        algorithm: str = "sampling",
        target_accept: float | None = None,
        random_seed: int | None = None,
        progressbar: bool = True,
        coordinates: str | None = None,
        store_effects: bool | Iterable[str] = True,
        **sampler_kwargs: Any,
    ) -> xr.DataTree:
        """Sample from the posterior.

        Parameters
        ----------
        model : pymc.Model, optional
            What `build` returned, extended by you: it is sampled as it stands.
        draws, tune, chains : int
            Draws kept and discarded for each chain, and the number of chains.
        cores : int, optional
            Chains that run at the same time.
        sampler : {"nutpie", "pymc", "numpyro", "blackjax"}
            The last two need the extra ``jax``, and sample in plain coordinates.
        algorithm : {"sampling", "meanfield", "fullrank"}
            NUTS, or one of two variational approximations.
        target_accept : float, optional
            NUTS's target acceptance rate: 0.8; 0.9 where a smooth has several sds; 0.95 for curves;
            0.99 with a shrinkage prior.
        random_seed : int, optional
        progressbar : bool
        coordinates : {"integrated", "whitened", "plain"}, optional
            What NUTS moves in; the model is the same. By default coefficients are integrated out
            where the outcome is normal. Reported in ``idata.attrs["coordinates"]``.
        store_effects : bool or list of str
            Which group-specific effects to keep draws of: all, none, or those of the effects or
            grouping factors named. Those of very many levels take draws x levels numbers. In
            integrated coordinates `draw_effects` draws the others afterwards, exactly.
        **sampler_kwargs
            Handed to the sampler.

        Returns
        -------
        InferenceData (an xarray.DataTree)
            With posterior, sample_stats, observed_data and constant_data; also kept as ``idata``.

        Raises
        ------
        SamplingError
            The log density is not finite where sampling starts, or an argument is impossible.
        ArgumentError
            An argument is misspelt, or another package's.
        """
        import pymc as pm

        from glimmer.fitted import Settings
        from glimmer.results.checks.verdict import announce
        from glimmer.results.posterior.effects_on_demand import left_out
        from glimmer.sampling.fit import fit_model
        from glimmer.sampling.policy import target_acceptance

        check_spelling(sampler_kwargs, FIT)
        if not isinstance(model, pm.Model | None):
            raise ArgumentError(
                f"fit() must be given a pymc.Model, not {model!r}.",
                fix="pass the model from build(), and other arguments by name: fit(draws=...)",
            )
        settings = Settings(
            draws=draws,
            tune=tune,
            chains=chains,
            cores=cores,
            sampler=sampler,
            algorithm=algorithm,
            target_accept=target_acceptance(self.spec) if target_accept is None else target_accept,
            random_seed=random_seed,
            progressbar=progressbar,
            coordinates=coordinates,
            extra=sampler_kwargs,
        )
        skipped = left_out(self.spec, store_effects)
        fit = fit_model(self.unfitted_model, settings, model, skipped)
        self.idata, self.settings = fit.draws, fit.settings
        announce(fit)
        return self.idata

    def on_rows(self, rows: np.ndarray) -> Self:
        """Return the same model, unfitted, on some of its training rows (a mask or positions).

        Terms, levels, knots and priors stay as they were learned on all rows.
        """
        other, some = copy(self), self.unfitted_model.on_rows(rows)
        other.idata, other.design, other.frame = None, some.design, some.frame
        return other

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
        """Save a fitted model in a directory of its own.

        The directory holds the specification, the draws (``posterior.nc``, which
        ``arviz.from_netcdf`` reads too), and the columns of the training rows that the model uses.

        Parameters
        ----------
        path : path
            The directory to make.
        overwrite : bool
            Replace a model that was saved there.

        Returns
        -------
        Path

        Raises
        ------
        NotFitted
            The model has no draws.
        StoreError
            Something is at ``path`` already, or a part of the model cannot be saved: a prior that
            is a PyMC variable with other variables in it, or a family that is not registered.

        Examples
        --------
        >>> model.save("sleep")  # doctest: +SKIP
        """
        from glimmer.results.predict.newdata import every_column
        from glimmer.store.fits import write_fit

        fit = self.fitted_model
        fit = replace(fit, frame=fit.frame.used(every_column(fit.spec)))
        return write_fit(fit, path, type(self).__name__, overwrite=overwrite)

    @property
    def fitted(self) -> xr.DataTree:
        """The last fit.

        Raises
        ------
        NotFitted
            There is none.
        """
        if self.idata is None:
            raise NotFitted("The model has not been fitted.", fix="call model.fit() first")
        return self.idata

    @property
    def unfitted_model(self) -> Model:
        """The model as a value, without its fit."""
        from glimmer.fitted import Model

        return Model(self.spec, self.design, self.frame, self.functions, self.verb)

    @property
    def fitted_model(self) -> Fitted:
        """The model with its last fit as a value, which results are functions of.

        Raises
        ------
        NotFitted
            There is none.
        """
        from glimmer.fitted import Fitted

        draws = self.fitted
        return Fitted(
            self.spec,
            self.design,
            self.frame,
            self.functions,
            self.verb,
            draws=draws,
            settings=self.settings,
        )

    def __str__(self) -> str:
        from glimmer.results.posterior.printing import printed

        return printed(self.unfitted_model if self.idata is None else self.fitted_model)

    __repr__ = __str__

    update = Method("glimmer.builders.update", of=None)
    prior_predictive = Method("glimmer.results.posterior.prior_draws", of="unfitted_model")
    prior_summary = Method("glimmer.results.posterior.prior_summary", of="spec")
    summary = Method("glimmer.results.posterior.summary")
    posterior_interval = Method("glimmer.results.posterior.intervals")
    fixef = Method("glimmer.results.posterior.estimates")
    ranef = Method("glimmer.results.posterior.estimates")
    draw_effects = Method("glimmer.results.posterior.effects_on_demand")
    coef = Method("glimmer.results.posterior.estimates")
    VarCorr = Method("glimmer.results.posterior.estimates")
    sigma = Method("glimmer.results.posterior.estimates")
    ngrps = Method("glimmer.results.posterior.estimates", of="unfitted_model")
    nobs = Method("glimmer.results.posterior.estimates", of="unfitted_model")

    predict = Method("glimmer.results.predict.predict")
    predict_chunks = Method("glimmer.results.predict.predict")
    posterior_epred = Method("glimmer.results.predict.predict")
    posterior_linpred = Method("glimmer.results.predict.predict")
    posterior_predict = Method("glimmer.results.predict.predict")
    predictive_interval = Method("glimmer.results.posterior.intervals")
    predictive_error = Method("glimmer.results.posterior.intervals")
    fitted_values = Method("glimmer.results.checks.residuals")
    residuals = Method("glimmer.results.checks.residuals")
    predictions = Method("glimmer.results.effects.effects")
    comparisons = Method("glimmer.results.effects.effects")
    slopes = Method("glimmer.results.effects.effects")
    plot_predictions = Method("glimmer.results.effects.plots")
    plot_comparisons = Method("glimmer.results.effects.plots")
    plot_slopes = Method("glimmer.results.effects.plots")

    verdict = Method("glimmer.results.checks.verdict")
    log_lik = Method("glimmer.results.compare.loglik")
    compute_log_likelihood = Method("glimmer.results.compare.loglik")
    loo = Method("glimmer.results.compare.loo")
    loo_subsample = Method("glimmer.results.compare.loo")
    loo_predict = Method("glimmer.results.compare.loo")
    loo_linpred = Method("glimmer.results.compare.loo")
    loo_epred = Method("glimmer.results.compare.loo")
    waic = Method("glimmer.results.compare.loo")
    kfold = Method("glimmer.results.compare.kfold")
    bayes_R2 = Method("glimmer.results.compare.r2")
    loo_R2 = Method("glimmer.results.compare.r2")
    pp_check = Method("glimmer.results.checks.ppcheck")
    posterior_vs_prior = Method("glimmer.results.checks.fit_plots")
    plot = Method("glimmer.results.checks.fit_plots")
    pairs = Method("glimmer.results.checks.fit_plots")

    smooth_estimates = Method("glimmer.results.smooths.estimates")
    derivatives = Method("glimmer.results.smooths.estimates")
    plot_nonlinear = Method("glimmer.results.smooths.plots")
    plot_smooths = Method("glimmer.results.smooths.plots", "plot_nonlinear")
    edf = Method("glimmer.results.smooths.checks")
    k_check = Method("glimmer.results.smooths.checks")
    concurvity = Method("glimmer.results.smooths.checks")

    to_bambi = Method("glimmer.builders.to_bambi", of="unfitted_model")


FIT = frozenset(signature(ModelBuilder.fit).parameters) - {"self", "sampler_kwargs"}
"""Names of the arguments of `ModelBuilder.fit`."""
