"""A cluster of two processes: partitions are summed where they are, also after one of the processes is gone."""

import os
from itertools import pairwise

import dask
import numpy as np
import pytest

import ranef

from .make import frame

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked here")

DATA = frame(1500)
DATA["k"] = np.random.default_rng(1).poisson(np.exp(0.1 * (DATA["y"] - 1e4).clip(-9, 9)))
FORMULA = "y ~ x + f + (1 + x | g) + (1 | h)"
LEVELS = {"f": ["low", "mid", "top"]}
ENDS = [0, 300, 301, 700, 900, 1200, 1500]
#: Instead of waiting for ever: for a connection, for workers that do not come, for a task that kills all of them.
LIMITS = {
    "distributed.comm.timeouts.connect": "60s",
    "distributed.scheduler.no-workers-timeout": "60s",
    "distributed.scheduler.allowed-failures": 2,
}


@pytest.fixture(scope="module")
def client():
    """Of two processes, without a dashboard.

    Most of the time of a cluster that lives for a second is that of imports, once by process, also by those that are
    started again. Processes are forked from one that has imported all, as in the tests of distributed itself.
    """
    with dask.config.set({**LIMITS, "distributed.worker.multiprocessing-method": "forkserver"}):
        distributed.utils.get_mp_context().set_forkserver_preload(["distributed", "pandas", "pyarrow.parquet", "ranef"])
        options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": ":0"}
        with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster, timeout="60s") as client:
            yield client


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Six files, one of which has a single row."""
    folder = tmp_path_factory.mktemp("parts")
    for number, (start, stop) in enumerate(pairwise(ENDS)):
        DATA.iloc[start:stop].to_parquet(folder / f"{number}.parquet")
    return sorted(folder.glob("*.parquet"))


def test_workers_are_killed_on_the_way(client, files, tmp_path):
    """The task that kills its own process is done by the next one, and nothing is counted twice.

    One test, since each process of pytest would start a cluster.
    """
    mark = tmp_path / "killed"

    def load(path):  # inside of the test, so that it goes to the workers by value: they cannot import this module
        import os
        from signal import SIGKILL

        import pandas as pd

        if path.stem == "3" and not mark.exists():
            mark.write_text(str(os.getpid()))
            os.kill(os.getpid(), SIGKILL)
        return pd.read_parquet(path)

    before = client.run(os.getpid)
    gram = ranef.gram(FORMULA, [dask.delayed(load)(path) for path in files], levels=LEVELS)
    assert int(mark.read_text()) in before.values()
    assert gram.n == 1500
    fit, expected = ranef.lmm(gram), ranef.lmm(FORMULA, DATA)
    assert np.abs(fit.theta - expected.theta).max() < 1e-9
    assert np.allclose(fit.coefficients, expected.coefficients, rtol=1e-9)

    mark.unlink()  # now the task is one of those whose results stay on the workers, for all steps of a search
    counts = ranef.glmm("k ~ x + (1 | g)", [dask.delayed(load)(path) for path in files], family="poisson", tol=1e-13)
    together = ranef.glmm("k ~ x + (1 | g)", DATA, family="poisson", tol=1e-13)
    assert mark.exists()
    assert counts.converged
    assert np.abs(counts.theta - together.theta).max() < 1e-8
    assert np.allclose(counts.coefficients, together.coefficients, rtol=1e-8)
