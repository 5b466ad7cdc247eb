"""Approvals that executions of the state machine `approve_offer` wait for."""

from functools import cached_property
from typing import Any

import msgspec

from pitboss.offers.approval import Answer, execution_name, request
from pitboss.offers.issued import IssuedOffer

_OVER = frozenset({"TaskDoesNotExist", "TaskTimedOut", "InvalidToken"})
"""How Step Functions says that nothing waits with that token any more."""


class StepFunctionsApprovals:
    """What waits for a person's answer."""

    def __init__(self, region: str) -> None:
        self._region = region

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - botocore makes it from data
        # Imported and made on first use: few calls need it.
        import botocore.session

        return botocore.session.get_session().create_client(
            "stepfunctions", region_name=self._region
        )

    def answer(self, token: str, answer: Answer) -> bool:
        """Give the answer to who waits with a token; False where nobody does any more."""
        from botocore.exceptions import ClientError

        try:
            self._client.send_task_success(
                taskToken=token, output=msgspec.json.encode(answer).decode()
            )
        except ClientError as fault:
            if fault.response["Error"]["Code"] in _OVER:
                return False
            raise
        return True


class StepFunctionsStarts:
    """Starts what waits for a person's answer."""

    def __init__(self, state_machine: str, region: str) -> None:
        """
        Args:
            state_machine: the ARN of `approve_offer`.
            region: where it is.
        """
        self._state_machine = state_machine
        self._region = region

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - botocore makes it from data
        # Imported and made on first use: few offers need it.
        import botocore.session
        from botocore.config import Config

        config = Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 3})
        return botocore.session.get_session().create_client(
            "stepfunctions", region_name=self._region, config=config
        )

    def start(self, offer: IssuedOffer) -> None:
        """Have a person asked for an offer; asked again for the same, nothing more happens.

        Raises:
            ClientError, BotoCoreError: it may be started or not. Doing it again is right.
        """
        from botocore.exceptions import ClientError

        try:
            self._client.start_execution(
                stateMachineArn=self._state_machine,
                name=execution_name(offer),
                input=msgspec.json.encode(request(offer)).decode(),
            )
        except ClientError as fault:
            # The same name and input are no error while it runs: this is one that has ended.
            if fault.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise
