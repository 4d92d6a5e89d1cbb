"""Open Inference Protocol v2 through a real gateway: a real ONNX model in process, and any v2 server."""

import asyncio
import json

import msgspec
import onnx
import pytest
from onnx import TensorProto, helper

from breakeven.errors import ConfigError
from breakeven.gateway.backend.table import open_sender


def save_model(path, *, rows="n", datatype=TensorProto.FLOAT) -> str:
    """Y = x + x, and a sum over each row."""
    x = helper.make_tensor_value_info("x", datatype, [rows, 2])
    y = helper.make_tensor_value_info("y", datatype, [rows, 2])
    nodes = [helper.make_node("Add", ["x", "x"], ["y"])]
    graph = helper.make_graph(nodes, "double", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)
    return str(path)


@pytest.fixture
def model_path(tmp_path) -> str:
    return save_model(tmp_path / "double.onnx")


def tensors(rows: int = 2, **changes) -> dict:
    data = [float(value) for value in range(rows * 2)]
    return {"name": "x", "datatype": "FP32", "shape": [rows, 2], "data": data, **changes}


def run(kit, tmp_path, model_path, test, **changes):
    """Run a test with an in-process model behind a gateway; the records it left."""

    async def main():
        backend = {"kind": "onnx", "model_path": model_path, "base_url": "", **changes.pop("backend", {})}
        deployment = {
            "model": "double",
            "tokens": None,
            "placement": "cpu",
            "capacity": kit.CAPACITY,
            "work": kit.WorkCurve(row_s=1e-4, request_s=1e-3),
        }
        kit.install(tmp_path, kit.make_policy(backend=backend, deployment=deployment, **changes))
        async with kit.start_gateway(tmp_path) as gateway:
            await asyncio.wait_for(test(gateway), 20)

    asyncio.run(main())
    return kit.records(tmp_path)


def test_a_v2_client_gets_real_predictions(kit, tmp_path, model_path) -> None:
    """Server and model metadata, readiness and inference speak v2; one request is one prediction of n rows."""

    async def test(gateway):
        for path in ("/v2", "/v2/health/live", "/v2/health/ready", "/v2/models/m/ready"):
            assert (await gateway.client.request("GET", gateway.url + path)).status == 200
        about = await gateway.client.request("GET", gateway.url + "/v2/models/m")
        said = json.loads(await about.read())
        assert said["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}]
        answer = await kit.post(gateway, {"id": "r1", "inputs": [tensors()]}, "/v2/models/m/infer")
        body = json.loads(answer.body)
        assert (answer.status, body["id"], body["model_name"]) == (200, "r1", "double")
        output = {"name": "y", "datatype": "FP32", "shape": [2, 2], "data": [0.0, 2.0, 4.0, 6.0]}
        assert body["outputs"] == [output]
        assert answer.headers["x-breakeven-cost"] == "0.0000012"

    (record,) = run(kit, tmp_path, model_path, test)
    assert (record.status, record.rows_scored, record.placement) == ("answered", 2, "cpu")
    assert record.work_s == pytest.approx(1e-3 + 2e-4)
    assert (record.ttft_s, record.tpot_s) == (None, None)


def test_listed_subjects_are_as_many_predictions(kit, tmp_path, model_path) -> None:
    """N ids give N records of one request, whose rows and cost sum exactly; the ids come back, ours do not go up."""
    seen = []

    async def test(gateway):
        body = {"inputs": [tensors(5)], "parameters": {"breakeven_subjects": ["a", "b", "a"], "keep": 1}}
        answer = await kit.post(gateway, body, "/v2/models/m/infer")
        seen.append((json.loads(answer.body)["parameters"]["breakeven_prediction_ids"], answer.headers))

    found = run(kit, tmp_path, model_path, test)
    ids, headers = seen[0]
    assert [one.prediction_id for one in found] == ids
    assert len({one.request_id for one in found}) == 1
    assert [one.rows_scored for one in found] == [2, 2, 1]
    assert sum(one.cost_pico_usd for one in found) == round(1.5e-3 * 10**9)
    assert headers["x-breakeven-cost"] == "0.0000015"
    assert sum(one.work_s for one in found) == pytest.approx(1.5e-3)
    assert found[0].subject == found[2].subject != found[1].subject
    assert [one.sequence for one in found] == [1, 2, 3]


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ([tensors(data=[1.0])], "'x' has shape [2, 2], so 4 values, and its data has 1"),
        ([tensors(datatype="INT64")], "'x' has datatype 'INT64', the model takes 'FP32'"),
        ([tensors(name="z")], "no input 'z'"),
        ([tensors(shape=[4])], "'x' has shape [4], the model takes [-1, 2]"),
        ([tensors(shape=[4, 1])], "'x' has shape [4, 1], the model takes [-1, 2]"),
        ([tensors(data=[1.0, "a", 3.0, 4.0])], "holds the value 'a'"),
        ([tensors(data=[1.0, None, 3.0, 4.0])], "holds the value None"),
        ([tensors(data=[1.0, True, 3.0, 4.0])], "holds the value True"),
        ([tensors(data=[[1.0, 2.0], 3.0, 4.0])], "nested unevenly"),
        ([tensors(), tensors(name="q")], "no input 'q'"),
    ],
)
def test_tensors_that_do_not_fit_are_refused_by_name(kit, tmp_path, model_path, inputs, said) -> None:
    """A wrong name, datatype, shape or value is a 400 that names the tensor and both sides, and one refused record."""

    async def test(gateway):
        answer = await kit.post(gateway, {"inputs": inputs}, "/v2/models/m/infer")
        assert answer.status == 400
        assert said in json.loads(answer.body)["error"]

    (record,) = run(kit, tmp_path, model_path, test)
    assert (record.status, record.cost_pico_usd) == ("refused", 0)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "inputs"),
        ({"inputs": []}, "inputs"),
        ({"inputs": [tensors()], "parameters": {"breakeven_subjects": ["a", "b", "c"]}}, "3 ids for 2 rows"),
        ({"inputs": [tensors()], "parameters": {"breakeven_subjects": "a"}}, "breakeven_subjects"),
        ({"inputs": [tensors()], "parameters": {"breakeven_subjects": []}}, "0 ids"),
        ({"inputs": [tensors(shape=[10**30, 2])]}, "shape"),
        ({"inputs": [tensors(shape=[-1, 2])]}, "shape"),
        ({"inputs": [tensors()], "outputs": 5}, None),
    ],
)
def test_what_is_not_an_inference_request_is_no_prediction(kit, tmp_path, model_path, body, said) -> None:
    """A malformed body is a 400 in v2's error shape and leaves no record (or a refused one, if only tensors err)."""

    async def test(gateway):
        answer = await kit.post(gateway, body, "/v2/models/m/infer")
        assert answer.status == 400
        assert (said or "") in json.loads(answer.body)["error"]

    found = run(kit, tmp_path, model_path, test)
    assert [one.status for one in found] == ([] if said else ["refused"])


def test_nested_data_means_the_same(kit, tmp_path, model_path) -> None:
    """v2 allows data flat or nested; a wanted output is chosen by name, an unknown one refused."""

    async def test(gateway):
        nested = tensors(data=[[0.0, 1.0], [2.0, 3.0]])
        for body in ({"inputs": [nested]}, {"inputs": [tensors()], "outputs": [{"name": "y"}]}):
            answer = await kit.post(gateway, body, "/v2/models/m/versions/3/infer")
            assert json.loads(answer.body)["outputs"][0]["data"] == [0.0, 2.0, 4.0, 6.0]
            assert json.loads(answer.body)["model_version"] == "3"
        answer = await kit.post(gateway, {"inputs": [tensors()], "outputs": [{"name": "z"}]}, "/v2/models/m/infer")
        assert (answer.status, "no output 'z'" in json.loads(answer.body)["error"]) == (400, True)

    run(kit, tmp_path, model_path, test)


def test_batching_changes_no_answer(kit, tmp_path, model_path) -> None:
    """Requests that run together get the answers they would get alone, in fewer runs than requests."""
    runs = []

    async def test(gateway):
        sender = gateway.runtime.bundle.senders["up"]
        real = sender._run
        sender._run = lambda batch: runs.append(len(batch)) or real(batch)

        async def one(number: int) -> None:
            tensor = tensors(data=[float(number)] * 4)
            answer = await kit.post(gateway, {"inputs": [tensor]}, "/v2/models/m/infer")
            assert json.loads(answer.body)["outputs"][0]["data"] == [2.0 * number] * 4

        await asyncio.gather(*map(one, range(40)))

    assert len(run(kit, tmp_path, model_path, test, backend={"max_batch": 16})) == 40
    assert sum(runs) == 40
    assert max(runs) <= 8  # 16 rows are 8 requests of 2


def test_a_fixed_batch_dimension_runs_alone(kit, tmp_path) -> None:
    """A model exported for two rows takes two rows, and is never given more."""

    async def test(gateway):
        answers = await asyncio.gather(
            *(kit.post(gateway, {"inputs": [tensors()]}, "/v2/models/m/infer") for _ in range(5))
        )
        assert {answer.status for answer in answers} == {200}
        assert (await kit.post(gateway, {"inputs": [tensors(3)]}, "/v2/models/m/infer")).status == 400

    run(kit, tmp_path, save_model(tmp_path / "fixed.onnx", rows=2), test)


def test_chat_to_a_v2_model_falls_down_the_chain(kit, tmp_path, model_path) -> None:
    """A use case whose backends do not speak the protocol has no eligible target: refused, and recorded."""

    async def test(gateway):
        answer = await kit.post(gateway, kit.CHAT)
        assert (answer.status, json.loads(answer.body)["error"]["code"]) == (404, "no_target")

    (record,) = run(kit, tmp_path, model_path, test)
    assert (record.status, record.eligible, record.attempts) == ("refused", (), ())


def test_any_v2_server_is_a_backend(kit, tmp_path) -> None:
    """Bodies pass through, less our parameter; the deployment's model name and the version go into the path."""
    answer = {"model_name": "real", "outputs": [{"name": "y", "datatype": "FP32", "shape": [1], "data": [1.0]}]}

    async def v2(head, body, writer):
        writer.write(kit.whole(answer))

    async def main():
        async with kit.start_upstream(v2) as up:
            backend = {"kind": "oip", "base_url": up.url.removesuffix("/v1") + "/v2"}
            kit.install(tmp_path, kit.make_policy(backend=backend, deployment={"model": "re al"}))
            async with kit.start_gateway(tmp_path) as gateway:
                body = {"inputs": [tensors()], "parameters": {"breakeven_subjects": ["a"]}}
                got = await kit.post(gateway, body, "/v2/models/m/versions/7/infer")
                assert got.status == 200
                assert up.requests[0][0].startswith(b"POST /v2/models/re%20al/versions/7/infer ")
                assert up.requests[0][1] == {"inputs": [tensors()]}
                got = await kit.post(gateway, {"inputs": [tensors()]}, "/v2/models/m/infer")
                assert json.loads(got.body) == answer
                about = await gateway.client.request("GET", gateway.url + "/v2/models/m/ready")
                assert about.status == 200
                assert up.requests[-1][0].startswith(b"GET /v2/models/re%20al/ready ")

    asyncio.run(main())
    assert [one.status for one in kit.records(tmp_path)] == ["answered", "answered"]


def test_a_model_file_that_is_none_is_told_at_once(kit, tmp_path) -> None:
    """A missing or broken model file is a configuration error that names backend and path."""
    for path in (tmp_path / "none.onnx", tmp_path / "bad.onnx"):
        if path.name == "bad.onnx":
            path.write_bytes(b"not a model")
        backend = msgspec.structs.replace(kit.make_policy().backends[0], kind="onnx", model_path=str(path))
        with pytest.raises(ConfigError, match=f"'up' cannot load the ONNX model '{path}'"):
            open_sender(backend, None)


def test_a_cached_v2_answer_carries_this_requests_id(kit, tmp_path, model_path) -> None:
    """The cache keys on tensors, not on ids; the answer has the id that was asked with."""

    async def test(gateway):
        for number, expected in (("1", "miss"), ("2", "hit")):
            answer = await kit.post(gateway, {"id": number, "inputs": [tensors()]}, "/v2/models/m/infer")
            assert (json.loads(answer.body)["id"], answer.headers["x-breakeven-cache"]) == (number, expected)

    hit = run(kit, tmp_path, model_path, test, use_case={"cache_ttl_s": 9.0})[1]
    assert (hit.status, hit.cost_pico_usd, hit.rows_scored) == ("cached", 0, 2)
