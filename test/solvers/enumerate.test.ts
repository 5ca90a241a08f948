import { expect, test } from "vitest";
import { createEnumerator } from "../../solvers/enumerate.ts";
import { solverContract } from "./contract.ts";
import { hardModel, modelOf } from "./models.ts";

solverContract(createEnumerator);

test("a model that is too large for the enumerator fails and says so", async () => {
  const outcome = await createEnumerator().solve(hardModel());
  expect(outcome).toMatchObject({ status: "failed", message: expect.stringContaining("120") });
});

test("a continuous column that the integers don't decide fails instead of being guessed", async () => {
  const model = modelOf("maximize", [[0, 1, false, 1]], []);
  expect((await createEnumerator().solve(model)).status).toBe("failed");
});
