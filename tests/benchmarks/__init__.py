"""The budgets of the design, measured: ``python -m tests.benchmarks [--quick]``.

Every figure stands beside a baseline measured in the same run, because seconds alone say little about another machine.
"""
