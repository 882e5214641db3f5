"""Seed a sandbox from Python: the sets are built in code, everything else is as with manifests."""

from __future__ import annotations

import sys

import syncspec

TEAMS = {"fremen": "Sietch Tabr", "atreides": "Caladan", "harkonnen": "Giedi Prime"}


def accounts() -> syncspec.RecordSet:
    records = {
        name: {"data": {"Name": name.title(), "AccountNumber": f"T-{number:03}", "BillingCity": city}}
        for number, (name, city) in enumerate(TEAMS.items(), start=1)
    }
    return syncspec.RecordSet.model_validate(
        {
            "apiVersion": "syncspec/v1",
            "kind": "RecordSet",
            "metadata": {"name": "accounts"},
            "spec": {"collection_id": "salesforce:account", "match_on": ["AccountNumber"], "records": records},
        }
    )


def main() -> int:
    with syncspec.from_sets([accounts()], root=sys.argv[1], upstream="embedded") as project:
        project.validate().raise_for_errors()
        plan = project.plan(include=["accounts.*"])
        print(plan.render("text"))
        report = project.apply(plan, approved=plan.digest)
        for record in report.records:
            print(record.address, record.outcome, record.upstream_id)
        return report.exit_code


if __name__ == "__main__":
    try:
        sys.exit(main())
    except syncspec.SyncspecError as error:
        for diagnostic in error.diagnostics:
            print(f"{diagnostic.summary}: {diagnostic.detail}", file=sys.stderr)
        sys.exit(error.exit_code)
