"""What R's packages call a family or a covariance structure, for scripts that fit the same model there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class InR:
    """A family or covariance structure in one of R's packages.

    Parameters
    ----------
    package : str
        ``"lme4"``, ``"glmmTMB"`` or ``"ordinal"``.
    name : str
        The function of a family (``"nbinom2"``), or the word of a covariance structure (``"ar1"``).
    parameters : tuple of str
        What a family's dispersion parameters are of the fit ``m`` in R, in the order of `Family.parameters`.

    Examples
    --------
    >>> InR("glmmTMB", "nbinom2", ("sigma(m)",)).name
    'nbinom2'
    """

    package: str
    name: str
    parameters: tuple[str, ...] = ()


def in_r(thing: object, package: str) -> InR | None:
    """What a package of R calls it; None where its own class does not say, since a subclass may be another thing.

    Examples
    --------
    >>> from ranef.families import Poisson
    >>> in_r(Poisson(), "lme4")
    InR(package='lme4', name='poisson', parameters=())
    """
    own = vars(type(thing)).get("in_r", ())
    told: tuple[InR, ...] = own.__get__(thing) if isinstance(own, property) else own
    return next((known for known in told if known.package == package), None)
