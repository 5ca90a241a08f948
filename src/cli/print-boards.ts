import { EXIT, type ExitCode } from "../core/errors.ts";
import type { BoardEnd } from "../pipeline/tables/profile-boards.ts";
import { profileText } from "../report/profile-report.ts";
import type { Context } from "./command.ts";

/** Prints how each board ended. */
export function printBoards(ended: readonly BoardEnd[], context: Context): ExitCode {
  const documents = ended.map((board) => ({
    name: board.name,
    host: board.host,
    ...bodyOf(board),
  }));
  const [only] = documents;
  const isOne = documents.length === 1;
  context.json(
    isOne ? { schema: "mdp-profile/1", ...only } : { schema: "mdp-profiles/1", boards: documents },
  );
  for (const board of ended) {
    if (!isOne) context.print(`\n== ${board.name} (${board.host})`);
    if ("result" in board) context.print(profileText(board.result));
    else {
      const { message, where, hint } = board.error;
      context.print(
        [`failed: ${message}`, ...(where ? [`  where: ${where}`] : [])].join("\n") +
          (hint === undefined ? "" : `\n  fix:   ${hint}`),
      );
    }
  }
  return ended.flatMap((board) => ("error" in board ? board.error.exitCode : []))[0] ?? EXIT.done;
}

function bodyOf(board: BoardEnd): object {
  if ("error" in board) {
    const { code, message, where = null, hint = null, exitCode } = board.error;
    return { error: { code, message, where, hint, exitCode } };
  }
  const { table, tablePath, validation, curve, reached, resumed, seconds, runner } = board.result;
  const { ops, ...head } = table;
  return {
    path: tablePath,
    runner,
    table: { ...head, operations: ops.length },
    validation,
    curve,
    reached,
    resumed,
    seconds,
  };
}
