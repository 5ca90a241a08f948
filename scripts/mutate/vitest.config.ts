import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** For `npm run mutate`: the tests that are named, in the order in which they are named, without compiling the command line. */
const named = (process.env["MUTANT_TESTS"] ?? "").split(",");

class AsNamed extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number =>
      named.findIndex((name) => moduleId.endsWith(`/${name}`));
    return [...files].sort((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  test: {
    root: process.cwd(),
    include: named,
    bail: 1,
    maxWorkers: 1,
    testTimeout: 1_200_000,
    hookTimeout: 1_200_000,
    reporters: ["dot"],
    sequence: { sequencer: AsNamed },
    coverage: {
      provider: "v8",
      include: (process.env["MUTANT_FOLDERS"] ?? "").split(",").map((folder) => `${folder}/**`),
      reporter: ["json"],
      reportsDirectory: process.env["MUTANT_COVERAGE"] ?? "coverage",
    },
  },
});
