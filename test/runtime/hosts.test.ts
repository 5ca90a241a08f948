import { expect, test } from "vitest";
import { InputError } from "../../src/core/errors.ts";
import { randomFrom } from "../../src/core/random.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { localHost } from "../../src/runtime/hosts/host.ts";
import { processHost } from "../../src/runtime/hosts/process-host.ts";
import type { Feeds } from "../../src/runtime/session.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { NETWORKS } from "../helpers/networks.ts";
import { bytesOfModel } from "../helpers/ort.ts";

const { graph, shapes } = findStructure(NETWORKS.bottleneckResnet());
const source = bytesOfModel(modelOf(graph));
const [input] = graph.inputs;
const name = input?.name ?? "";

function images(seed: number): Feeds {
  const shape = [2, ...(shapes.of(name) ?? []).slice(1)];
  const length = shape.reduce((product, extent) => product * extent, 1);
  const data = Float32Array.from({ length }, randomFrom(seed).normal);
  return { [name]: { type: "float32", shape, data } };
}

test("a session in another process answers as one in this process does", async () => {
  const hosts = [localHost(), processHost()];
  const answers: Feeds[][] = [];
  for (const host of hosts) {
    // The second session is not the first one's.
    const [first, second] = await Promise.all([
      host.open(source, { threads: 1 }),
      host.open(source, { threads: 1 }),
    ]);
    await first.keep(images(1));
    await second.keep(images(2));
    answers.push(await Promise.all([first.run({}), second.run({}), first.run(images(3))]));
    await host.close();
  }
  expect(answers[1]).toEqual(answers[0]);
  expect(answers[0]?.[0]).not.toEqual(answers[0]?.[1]);
  expect(answers[0]?.[0]).not.toEqual(answers[0]?.[2]);
});

test("what a process can't load or run is said as if it were this process", async () => {
  const host = processHost();
  await expect(host.open(new Uint8Array([1, 2, 3]), { where: "net.onnx" })).rejects.toMatchObject({
    code: "runtime/load-failed",
    where: "net.onnx",
    exitCode: 3,
  });
  const session = await host.open(source, {});
  await expect(session.run({})).rejects.toMatchObject({ code: "runtime/run-failed" });
  await expect(session.run({})).rejects.toBeInstanceOf(InputError);
  await session.keep(images(1));
  expect(Object.keys(await session.run({}))).toEqual(graph.outputs.map((output) => output.name));
  await host.close();
});

test("a process that dies fails what it was asked and all that follows", async () => {
  const pids: number[] = [];
  const host = processHost({ onStart: (pid) => pids.push(pid) });
  const session = await host.open(source, {});
  await session.keep(images(1));
  const [pid] = pids;
  if (pid === undefined) throw new Error("no process was started");
  process.kill(pid, "SIGKILL");
  await expect(session.run({})).rejects.toMatchObject({
    code: "runtime/host-ended",
    hint: expect.stringContaining("--threads 1"),
  });
  await expect(session.run({})).rejects.toMatchObject({ code: "runtime/host-ended" });
  await host.close();
});
