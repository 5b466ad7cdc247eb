"""Athena as its documentation has it: states, pages with the names in the first row, limits."""

from typing import Any

from botocore.exceptions import ClientError


class FakeAthena:
    """Answers one statement.

    `states` are what is said of it, one for each time that is asked; `pages` the rows of each page.
    """

    def __init__(
        self,
        columns: list[dict[str, Any]],
        pages: list[list[list[str | None]]],
        states: tuple[str, ...] = ("QUEUED", "RUNNING", "SUCCEEDED"),
        reason: str = "",
        refusal: str = "",
    ) -> None:
        self.columns = columns
        self.pages = pages
        self.states = list(states)
        self.reason = reason
        self.refusal = refusal
        self.started: dict[str, Any] = {}
        self.stopped: list[str] = []

    def start_query_execution(self, **request: Any) -> dict[str, Any]:
        self.started = request
        if self.refusal:
            raise ClientError(
                {"Error": {"Code": "InvalidRequestException", "Message": self.refusal}},
                "StartQueryExecution",
            )
        return {"QueryExecutionId": "q-1"}

    def stop_query_execution(self, **request: Any) -> None:
        self.stopped.append(request["QueryExecutionId"])

    def get_query_execution(self, **request: Any) -> dict[str, Any]:
        assert request == {"QueryExecutionId": "q-1"}
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {
            "QueryExecution": {
                "Status": {"State": state, "StateChangeReason": self.reason},
                "Statistics": {"DataScannedInBytes": 1_234_567},
                "StatementType": "DML",
            }
        }

    def get_query_results(self, **request: Any) -> dict[str, Any]:
        assert request["MaxResults"] == 1_000
        number = int(request.get("NextToken", "0"))
        rows = [
            {"Data": [{} if one is None else {"VarCharValue": one} for one in row]}
            for row in self.pages[number]
        ]
        answer: dict[str, Any] = {
            "ResultSet": {"Rows": rows, "ResultSetMetadata": {"ColumnInfo": self.columns}}
        }
        if number + 1 < len(self.pages):
            answer["NextToken"] = str(number + 1)
        return answer


def column(name: str, kind: str, scale: int = 0) -> dict[str, Any]:
    """What is said of a column."""
    return {"Name": name, "Type": kind, "Precision": 38, "Scale": scale}
