from accelsim.api.estimates import Estimate as Estimate
from accelsim.api.estimates import estimate as estimate
from accelsim.api.loading import Workload as Workload
from accelsim.api.loading import load_machine as load_machine
from accelsim.api.loading import load_workload as load_workload
from accelsim.api.loading import machines as machines
from accelsim.api.loading import workloads as workloads
from accelsim.api.pictures import Picture as Picture
from accelsim.api.runs import Run as Run
from accelsim.api.runs import load_run as load_run
from accelsim.api.runs import run as run
from accelsim.api.runs import validate as validate
from accelsim.api.sweeps import compare as compare
from accelsim.api.sweeps import load_results as load_results
from accelsim.api.sweeps import run_sweep as run_sweep
from accelsim.api.tables import Table as Table

__version__: str
