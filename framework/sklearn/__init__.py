"""Mixed models as estimators of scikit-learn: the extra `sklearn`."""

from ..contracts.errors import MissingExtraError

try:
    from .classifier import MixedModelClassifier
    from .regressor import MixedModelRegressor
except ModuleNotFoundError as error:
    if error.name != "sklearn":
        raise
    raise MissingExtraError('ranef.sklearn needs scikit-learn: pip install "ranef[sklearn]"') from error

__all__ = ["MixedModelClassifier", "MixedModelRegressor"]
