"""What `doctor` and `probe` found, for programs."""

from collections.abc import Sequence
from typing import Any

from device.doctor import Result
from device.probe import Step
from device.verdict import Finding, Verdict


def doctor_object(results: Sequence[Result]) -> dict[str, Any]:
    """Describe the results of all checks."""
    return {
        "ok": not any(each.finding.verdict is Verdict.FAILED for each in results),
        "summary": summary([each.finding for each in results]),
        "checks": [
            {
                "code": each.code,
                "subject": each.subject,
                **_finding(each.finding),
                "seconds": round(each.seconds, 3),
                "because": each.because,
            }
            for each in results
        ],
    }


def probe_object(url: str, steps: Sequence[Step]) -> dict[str, Any]:
    """Describe the steps that were gone."""
    return {
        "url": url,
        "ok": not any(each.finding.verdict is Verdict.FAILED for each in steps),
        "steps": [
            {
                "step": each.name,
                **_finding(each.finding),
                "seconds": round(each.seconds, 4),
                "facts": dict(each.facts),
            }
            for each in steps
        ],
    }


def summary(findings: Sequence[Finding]) -> dict[str, int]:
    """Count findings by their verdict."""
    return {each.value: sum(f.verdict is each for f in findings) for each in Verdict}


def _finding(finding: Finding) -> dict[str, Any]:
    return {"verdict": finding.verdict, "sentence": finding.sentence, "fix": finding.fix}
