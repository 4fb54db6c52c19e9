"""Train with Hugging Face Accelerate as always; one line records it, in as many processes as you launch.

Run it with `python examples/accelerate_quickstart.py`, or `accelerate launch examples/accelerate_quickstart.py`, then
look around with `autotrack ls` and `autotrack show @last`.
"""

import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader, TensorDataset

import autotrack
from autotrack.integrations.accelerate import AutotrackTracker

autotrack.enable(experiment="accelerated")

torch.manual_seed(0)
X = torch.randn(512, 8)
y = (X[:, :1] - X[:, 1:2] > 0).float()

accelerator = Accelerator(log_with=AutotrackTracker("accelerated", run_name="quickstart"), cpu=True)
accelerator.init_trackers("accelerated", config={"learning_rate": 0.1, "epochs": 3})
network = torch.nn.Linear(8, 1)
optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
network, optimizer, batches = accelerator.prepare(network, optimizer, DataLoader(TensorDataset(X, y), batch_size=64))

for epoch in range(3):
    total = 0.0
    for inputs, targets in batches:
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network(inputs), targets)
        accelerator.backward(loss)
        optimizer.step()
        total += loss.item() / len(batches)
    accelerator.log({"epoch_loss": total}, step=epoch)
accelerator.end_training()

if accelerator.is_main_process:
    for run in autotrack.search_runs(experiment="accelerated"):
        print(f"{run.name} {run.status}: {len(run.params)} params, epoch_loss {run.metrics['epoch_loss']:.3f}")
        print("losses:", [round(point.value, 3) for point in run.metric_history("epoch_loss")])
