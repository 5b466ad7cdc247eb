"""The house rules of `template.yaml`, each a function from a template to its faults.

They are functions so that the rules themselves can be tested: each has to find what it is for.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

type Template = dict[str, Any]
type Faults = Iterator[str]

PSEUDO_PARAMETERS = re.compile(r"AWS::\w+")
SECTIONS = (
    "Parameters",
    "Globals",
    "Data",
    "Messaging",
    "Layers",
    "Functions",
    "State machines",
    "Alarms",
    "Outputs",
)
_SECTION_OF_TYPE = {
    "AWS::DynamoDB::Table": "Data",
    "AWS::S3::Bucket": "Data",
    "AWS::S3::BucketPolicy": "Data",
    "AWS::RDS::DBCluster": "Data",
    "AWS::RDS::DBClusterParameterGroup": "Data",
    "AWS::RDS::DBInstance": "Data",
    "AWS::RDS::DBSubnetGroup": "Data",
    "AWS::EC2::RouteTable": "Data",
    "AWS::EC2::SecurityGroup": "Data",
    "AWS::EC2::Subnet": "Data",
    "AWS::EC2::SubnetRouteTableAssociation": "Data",
    "AWS::EC2::VPC": "Data",
    "AWS::EC2::VPCEndpoint": "Data",
    "AWS::SecretsManager::Secret": "Data",
    "AWS::Cognito::UserPool": "Data",
    "AWS::Cognito::UserPoolClient": "Data",
    "AWS::Cognito::UserPoolDomain": "Data",
    "AWS::Cognito::UserPoolGroup": "Data",
    "AWS::Glue::Database": "Data",
    "AWS::Glue::Table": "Data",
    "AWS::Athena::NamedQuery": "Data",
    "AWS::Athena::WorkGroup": "Data",
    "AWS::QuickSight::DataSource": "Data",
    "AWS::QuickSight::DataSet": "Data",
    "AWS::QuickSight::Analysis": "Data",
    "AWS::Kinesis::Stream": "Messaging",
    "AWS::IoT::Policy": "Messaging",
    "AWS::IoT::TopicRule": "Messaging",
    "AWS::IAM::Role": "Messaging",
    "AWS::SNS::Topic": "Messaging",
    "AWS::SNS::TopicPolicy": "Messaging",
    "AWS::SNS::Subscription": "Messaging",
    "AWS::SQS::Queue": "Messaging",
    "AWS::SQS::QueuePolicy": "Messaging",
    "AWS::Serverless::Api": "Messaging",
    "AWS::ApiGateway::DomainName": "Messaging",
    "AWS::ApiGateway::BasePathMapping": "Messaging",
    "AWS::ApiGatewayV2::Api": "Messaging",
    "AWS::ApiGatewayV2::Stage": "Messaging",
    "AWS::ApiGatewayV2::Authorizer": "Messaging",
    "AWS::ApiGatewayV2::Integration": "Messaging",
    "AWS::ApiGatewayV2::Route": "Messaging",
    "AWS::Lambda::Permission": "Messaging",
    "AWS::CloudFront::Distribution": "Messaging",
    "AWS::CloudFront::OriginAccessControl": "Messaging",
    "AWS::CloudFront::ResponseHeadersPolicy": "Messaging",
    "AWS::Serverless::LayerVersion": "Layers",
    "AWS::Serverless::Function": "Functions",
    "AWS::Logs::LogGroup": "Functions",
    "AWS::Serverless::StateMachine": "State machines",
    "AWS::CloudWatch::Alarm": "Alarms",
    "AWS::CloudWatch::Dashboard": "Alarms",
}


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short forms as the long ones."""


def _long_form(loader: yaml.Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _long_form)


def load(text: str) -> Template:
    """A template as a tree."""
    template: Template = yaml.load(text, _Loader)
    return template


def walk(node: Any) -> Iterator[Any]:
    """A node and all beneath it."""
    yield node
    if isinstance(node, dict):
        for value in node.values():
            yield from walk(value)
    elif isinstance(node, list):
        for value in node:
            yield from walk(value)


def functions(template: Template) -> dict[str, dict[str, Any]]:
    """Every function by its logical id, with the globals where it says nothing of its own."""
    shared = template.get("Globals", {}).get("Function", {})
    found = {}
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Function":
            own = resource["Properties"]
            variables = {
                **shared.get("Environment", {}).get("Variables", {}),
                **own.get("Environment", {}).get("Variables", {}),
            }
            found[name] = {**shared, **own, "Environment": {"Variables": variables}}
            if "Policies" in own:
                found[name]["Policies"] = _with_both_branches(own["Policies"])
    return found


def _with_both_branches(policies: Any) -> Any:
    """Policies whose statements are all there, whatever condition they stand under."""
    if isinstance(policies, list):
        return [_with_both_branches(policy) for policy in policies]
    if not isinstance(policies, dict) or "Statement" not in policies:
        return policies
    statements: list[Any] = []
    for statement in _as_list(policies["Statement"]):
        branches = statement["Fn::If"][1:] if "Fn::If" in statement else [statement]
        statements += [branch for branch in branches if branch != {"Ref": "AWS::NoValue"}]
    return {**policies, "Statement": statements}


def folder_of(logical_id: str) -> str:
    """VerbNounFunction to verb_noun."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", logical_id.removesuffix("Function")).lower()


def names_used(node: Any) -> Iterator[str]:
    """Logical ids, parameters and pseudo parameters that a part of the template refers to."""
    for part in walk(node):
        if not isinstance(part, dict):
            continue
        if isinstance(part.get("Ref"), str):
            yield part["Ref"].partition(".")[0]  # `Api.Stage` is a resource that SAM makes
        if "Fn::GetAtt" in part:
            yield part["Fn::GetAtt"][0]
        if "Fn::Sub" in part:
            text, local = part["Fn::Sub"], {}
            if isinstance(text, list):
                text, local = text
            for name in re.findall(r"\$\{([^!}][^}]*)\}", text):
                if name not in local:
                    yield name.partition(".")[0]
        if isinstance(part.get("DependsOn"), str):
            yield part["DependsOn"]


def _conditions_used(template: Template) -> Iterator[str]:
    for part in walk({key: part for key, part in template.items() if key != "Parameters"}):
        if isinstance(part, dict):
            if "Fn::If" in part:
                yield part["Fn::If"][0]
            if isinstance(part.get("Condition"), str):
                yield part["Condition"]


# --- rules ----------------------------------------------------------------------------------------


def every_name_is_defined_and_used(template: Template) -> Faults:
    """No parameter or condition without a use, no use of what there is not."""
    parameters, resources = template.get("Parameters", {}), template["Resources"]
    body = {key: part for key, part in template.items() if key != "Parameters"}
    used = set(names_used(body))
    for name in parameters.keys() - used:
        yield f"the parameter {name} is not used"
    for name in used - parameters.keys() - resources.keys():
        if not PSEUDO_PARAMETERS.fullmatch(name):
            yield f"{name} is neither a parameter nor a resource"
    conditions = set(_conditions_used(template))
    for name in template.get("Conditions", {}).keys() ^ conditions:
        yield f"the condition {name} is not defined, or not used"


def everything_says_what_it_is(template: Template) -> Faults:
    """Descriptions of parameters, outputs and alarms."""
    for section in ("Parameters", "Outputs"):
        for name, entry in template[section].items():
            if not entry.get("Description"):
                yield f"{section}: {name} has no description"
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::CloudWatch::Alarm" and not resource["Properties"].get(
            "AlarmDescription"
        ):
            yield f"the alarm {name} has no description"


def functions_are_named_by_their_folder(template: Template) -> Faults:
    """VerbNounFunction, and the handler of the folder verb_noun."""
    for name, function in functions(template).items():
        if not re.fullmatch(r"([A-Z][a-z0-9]+){2,}Function", name):
            yield f"{name} is no VerbNounFunction"
        expected = f"{folder_of(name)}.handler.handler"
        if function.get("Handler") != expected:
            yield f"{name} has the handler {function.get('Handler')}, not {expected}"
        metadata = template["Resources"][name].get("Metadata", {})
        if function.get("CodeUri") != "functions" or metadata.get("BuildMethod") != "makefile":
            yield f"{name} is not built by functions/Makefile"


def functions_have_limits(template: Template) -> Faults:
    """Memory, timeout, and logs that are forgotten in time."""
    for name, function in functions(template).items():
        for limit in ("MemorySize", "Timeout"):
            if not isinstance(function.get(limit), int):
                yield f"{name} has no {limit}"
        logs = function.get("LoggingConfig", {}).get("LogGroup", {}).get("Ref")
        group = template["Resources"].get(logs, {})
        if group.get("Type") != "AWS::Logs::LogGroup":
            yield f"{name} logs to no log group of the template"
        elif not group["Properties"].get("RetentionInDays"):
            yield f"the log group {logs} keeps everything for ever"


_STREAMS = ("Kinesis", "DynamoDB", "MSK")
_ASYNCHRONOUS = ("Schedule", "ScheduleV2", "EventBridgeRule", "SNS", "S3", "IoTRule")
_SYNCHRONOUS = ("Api", "HttpApi")


def consumers_cannot_lose_or_loop(template: Template) -> Faults:
    """A failure destination, partial batches, finite retries and age for every consumer."""
    for name, function in functions(template).items():
        for event_name, event in function.get("Events", {}).items():
            kind, properties = event["Type"], event["Properties"]
            where = f"{name}, {event_name}"
            if kind in _STREAMS:
                yield from _stream_faults(where, properties)
            elif kind == "SQS":
                yield from _queue_faults(where, properties, template)
            elif kind in _ASYNCHRONOUS:
                own = properties.get("DeadLetterConfig") and properties.get("RetryPolicy")
                if not (own or function.get("EventInvokeConfig", {}).get("DestinationConfig")):
                    yield f"{where}: no failure destination or no retry policy"
            elif kind not in _SYNCHRONOUS:
                yield f"{where}: no rule here knows the event type {kind}"


def _stream_faults(where: str, properties: dict[str, Any]) -> Faults:
    if not properties.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination"):
        yield f"{where}: no failure destination"
    if properties.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
        yield f"{where}: no partial batches"
    if properties.get("BisectBatchOnFunctionError") is not True:
        yield f"{where}: a batch that fails is not bisected"
    if not 0 <= properties.get("MaximumRetryAttempts", -1) <= 10_000:
        yield f"{where}: retries without end"
    if not 60 <= properties.get("MaximumRecordAgeInSeconds", -1) <= 604_800:
        yield f"{where}: records without age"


def _queue_faults(where: str, properties: dict[str, Any], template: Template) -> Faults:
    if properties.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]:
        yield f"{where}: no partial batches"
    for queue in set(names_used(properties.get("Queue", {}))) or {""}:
        if not template["Resources"].get(queue, {}).get("Properties", {}).get("RedrivePolicy"):
            yield f"{where}: the queue {queue} has no dead-letter queue"


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def policies_name_what_they_allow(template: Template) -> Faults:
    """No `*` for an action or a whole resource, and no resource that is not the template's own."""
    own = template["Resources"].keys()
    for name, function in functions(template).items():
        if "Role" in function:
            yield f"{name} has a role from elsewhere"
        for policy in _as_list(function.get("Policies", [])):
            if not isinstance(policy, dict) or "Statement" not in policy:
                yield f"{name} has the policy {policy!r}, whose statements cannot be seen here"
                continue
            for statement in _as_list(policy["Statement"]):
                yield from _statement_faults(name, statement, own)
    for name, resource in template["Resources"].items():
        if resource["Type"].startswith("AWS::IAM::"):
            yield from _role_faults(name, resource, own)
        for part in walk(resource.get("Properties", {})):
            if isinstance(part, dict) and part.get("Effect") == "Allow":
                if any("*" in str(action) for action in _as_list(part.get("Action", "*"))):
                    yield f"{name} allows {part.get('Action')}"
                if part.get("Principal") == "*" and not part.get("Condition"):
                    yield f"{name} lets anyone in without a condition"


_STAR_AT_THE_END = (
    r"(\$\{\w+\.Arn\}|arn:\$\{AWS::Partition\}:execute-api:\$\{AWS::Region\}:"
    r"\$\{AWS::AccountId\}:\$\{\w+\}/\$\{\w+\})/[\w/@-]+/\*"
)
"""Of a resource of the template, or of a stage of one of its APIs."""


ACTION_FUNCTIONS = (
    "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:pitboss-action-*"
)
"""Functions that the house makes for actions of thresholds: they are no resource of the template,
and known by what their names begin with."""

WITHOUT_RESOURCE = frozenset({"cloudwatch:PutMetricData", "states:SendTaskSuccess"})
"""Actions that no resource can be named for, by the Service Authorization Reference."""


GLUE_CATALOG = "arn:${AWS::Partition}:glue:${AWS::Region}:${AWS::AccountId}:catalog"
"""Whoever reads a table of Glue's asks its catalogue, too, which is the account's."""


def _statement_faults(name: str, statement: dict[str, Any], own: Any) -> Faults:
    if statement["Effect"] == "Deny" and "NotResource" in statement:
        return  # takes away from a managed policy
    if statement.keys() - {"Effect", "Action", "Resource", "Condition", "Sid"}:
        yield f"{name} allows all but something: {sorted(statement)}"
    for action in _as_list(statement.get("Action", "*")):
        if not re.fullmatch(r"[a-z0-9-]+:[A-Za-z]+", str(action)):
            yield f"{name} may {action}"
    if set(_as_list(statement.get("Action"))) <= WITHOUT_RESOURCE:
        return
    for resource in _as_list(statement.get("Resource", "*")):
        if resource == {"Fn::Sub": ACTION_FUNCTIONS}:
            continue
        named = set(names_used(resource))
        if not named & own and resource != {"Fn::Sub": GLUE_CATALOG}:
            yield f"{name} reaches {resource}, which names no resource of the template"
        text = resource.get("Fn::Sub", "") if isinstance(resource, dict) else str(resource)
        if "*" in str(text) and not re.fullmatch(_STAR_AT_THE_END, str(text)):
            yield f"{name} reaches {text}: a star stands only at the end of a path"


def _role_faults(name: str, resource: dict[str, Any], own: Any) -> Faults:
    """A role is made by the function that needs it; rules of AWS IoT and QuickSight need others."""
    role = resource.get("Properties", {})
    trusted = [
        statement.get("Principal")
        for statement in role.get("AssumeRolePolicyDocument", {}).get("Statement", [])
    ]
    inline = {"AssumeRolePolicyDocument", "Policies"}
    services = [[{"Service": f"{one}.amazonaws.com"}] for one in ("iot", "quicksight")]
    if resource["Type"] != "AWS::IAM::Role" or trusted not in services or role.keys() - inline:
        yield f"{name}: roles and policies are made by the functions that need them"
    for policy in role.get("Policies", []):
        for statement in policy["PolicyDocument"]["Statement"]:
            yield from _statement_faults(name, statement, own)


def tables_and_buckets_are_safe(template: Template) -> Faults:
    """What holds data outlives the stack, is encrypted, recoverable and not public."""
    for name, resource in template["Resources"].items():
        kind, properties = resource["Type"], resource.get("Properties", {})
        if kind in ("AWS::DynamoDB::Table", "AWS::S3::Bucket"):
            if not str(resource.get("DeletionPolicy", "")).startswith("Retain"):
                yield f"{name} is deleted with the stack"
            if resource.get("UpdateReplacePolicy") != "Retain":
                yield f"{name} is deleted when it is replaced"
        if kind == "AWS::DynamoDB::Table":
            recovery = properties.get("PointInTimeRecoverySpecification", {})
            if recovery.get("PointInTimeRecoveryEnabled") is not True:
                yield f"{name} has no point-in-time recovery"
            if properties.get("SSESpecification", {}).get("SSEEnabled") is not True:
                yield f"{name} is not encrypted"
        if kind == "AWS::S3::Bucket":
            block = properties.get("PublicAccessBlockConfiguration", {})
            if list(block.values()) != [True] * 4:
                yield f"{name} may become public"
            if "BucketEncryption" not in properties:
                yield f"{name} is not encrypted"
        if kind == "AWS::Kinesis::Stream" and "StreamEncryption" not in properties:
            yield f"{name} is not encrypted"


def every_route_is_behind_the_authorizer(template: Template) -> Faults:
    """No route has an authorizer of its own, none at all, or an API key for proof."""
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::Serverless::Api":
            auth = resource["Properties"].get("Auth", {})
            chosen = auth.get("DefaultAuthorizer")
            authorizer = auth.get("Authorizers", {}).get(chosen)
            if authorizer is None:
                yield f"{name} has no default authorizer"
            elif authorizer.get("Identity", {}).get("ReauthorizeEvery") != 0:
                yield f"{name} keeps what the authorizer said of another body"
        if resource["Type"] == "AWS::ApiGatewayV2::Route":
            route = resource["Properties"]
            if route["RouteKey"] != "$connect":
                continue  # open to who is connected; it cannot have an authorizer of its own
            asked = template["Resources"].get(route.get("AuthorizerId", {}).get("Ref"), {})
            if (route.get("AuthorizationType"), asked.get("Type")) != (
                "CUSTOM",
                "AWS::ApiGatewayV2::Authorizer",
            ):
                yield f"{name} lets anyone connect"
    for name, function in functions(template).items():
        for event_name, event in function.get("Events", {}).items():
            if event["Type"] in _SYNCHRONOUS and "Auth" in event["Properties"]:
                yield f"{name}, {event_name}: has its own authorization"


RULES: tuple[Callable[[Template], Faults], ...] = (
    every_name_is_defined_and_used,
    everything_says_what_it_is,
    functions_are_named_by_their_folder,
    functions_have_limits,
    consumers_cannot_lose_or_loop,
    policies_name_what_they_allow,
    tables_and_buckets_are_safe,
    every_route_is_behind_the_authorizer,
)


# --- rules of the text ----------------------------------------------------------------------------

_BANNER = re.compile(r"^ *# ={20,} (?P<name>\w[\w ]*)$")
_RESOURCE = re.compile(r"^  (?P<name>[A-Z]\w+):$")


def sections_are_in_order(text: str) -> Faults:
    """Banners in the house's order, each resource under its own, functions by name."""
    section = ""
    passed: list[str] = []
    names: list[str] = []
    template = load(text)
    for line in text.splitlines():
        if banner := _BANNER.match(line):
            section = banner["name"]
            if section not in SECTIONS:
                yield f"{section} is no section"
            passed.append(section)
        found = _RESOURCE.match(line)
        if found and found["name"] in template["Resources"]:
            kind = template["Resources"][found["name"]]["Type"]
            belongs = _SECTION_OF_TYPE.get(kind)
            if belongs is None:
                yield f"no section is known for {kind}"
            elif section != belongs:
                yield f"{found['name']} stands under {section}, not {belongs}"
            if kind == "AWS::Serverless::Function":
                names.append(found["name"])
    if passed != [section for section in SECTIONS if section in passed]:
        yield f"the sections are {', '.join(passed)}"
    if not {"Parameters", "Data", "Functions", "Outputs"} <= set(passed):
        yield "a section has no banner"
    if names != sorted(names):
        yield f"the functions are {', '.join(names)}"


def resources_have_a_purpose_line(text: str) -> Faults:
    """A comment above each resource. A function's log group follows it, and is named by it."""
    lines = text.splitlines()
    template = load(text)
    previous = ""
    for number, line in enumerate(lines):
        found = _RESOURCE.match(line)
        if not found or found["name"] not in template["Resources"]:
            continue
        name = found["name"]
        resource = template["Resources"][name]
        is_log = resource["Type"] == "AWS::Logs::LogGroup"
        if is_log and "LogGroupName" not in resource["Properties"]:
            if f"{name.removesuffix('Logs')}Function" != previous:
                yield f"{name} does not follow its function"
        elif not re.match(r"^  # [A-Z].*[.;]", lines[number - 1]):
            yield f"{name} has no purpose line above it"
        previous = name


TEXT_RULES: tuple[Callable[[str], Faults], ...] = (
    sections_are_in_order,
    resources_have_a_purpose_line,
)
