"""The table that the checks against the reference print."""


class Report:
    """A row for every figure, and how many were within their bounds."""

    def __init__(self):
        self.passed = self.failed = 0
        print(f"{'what':66} {'measured':>10} {'bound':>9}")

    def section(self, title):
        print(f"\n{title}", flush=True)

    def row(self, what, measured, bound, at_least=False):
        good = measured >= bound if at_least else measured <= bound
        self.passed += bool(good)
        self.failed += not good
        sign = ">=" if at_least else "<="
        verdict = "" if good else "  FAILED"
        print(f"  {what:64} {measured:10.4g} {sign}{bound:7.3g}{verdict}", flush=True)

    def end(self):
        """Prints how many passed and failed; the exit status that goes with it."""
        print(f"\n{self.passed} passed, {self.failed} failed")
        return 1 if self.failed or not self.passed else 0
