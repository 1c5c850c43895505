"""Every benchmark, one after the other: `make bench`, or `make bench ARGS=--quick` for a smoke run.

Ratios come from one run on one machine, beside what people would otherwise use. Nothing is asserted
about absolute times; a row that falls behind its rival makes the exit code 1.
"""

import subprocess
import sys

BENCHES = (
    # First: where gigabytes have just been removed, a small file takes longer to make.
    "tests.bench.bench_images",
    "tests.bench.bench_serial",
    "tests.bench.bench_upload",
    "tests.bench.bench_stores",
    "tests.bench.bench_faults",
    "tests.bench.bench_ble",
)


def main() -> int:
    codes = [
        subprocess.run([sys.executable, "-m", bench, *sys.argv[1:]], check=False).returncode
        for bench in BENCHES
    ]
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
