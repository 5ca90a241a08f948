import { milliseconds, percent } from "../../report/amounts.ts";
import { pageCells, pageData, sectionsMarkup } from "../../report/page/page.ts";
import { EMPTY_SUBJECT, type Subject } from "../../report/page/subject.ts";
import type { SubnetFile } from "../../subnet/subnet-file.ts";
import type { TextError } from "../messages.ts";
import type { SessionAnswer } from "../session.ts";
import { element, type State } from "./state.ts";

/** The report's sections for an answer, and what is said of it. */
export function show(state: State, answer: SessionAnswer, seconds: number): void {
  state.answer = answer;
  element("limit-error").hidden = true;
  element("status").textContent = statusText(answer, seconds);
  element("status").dataset["seconds"] = seconds.toFixed(3);
  element<HTMLButtonElement>("download").disabled = false;
  const { data } = state;
  const subject: Subject = {
    ...EMPTY_SUBJECT,
    title: data.network.name,
    solve: answer.report,
    structure: state.structure,
    subnet: answer.subnet as SubnetFile,
    importance: data.importance as Subject["importance"],
    table: state.table,
  };
  element("data").textContent = JSON.stringify(
    pageData([subject], [data.places === null ? null : new Map(data.places)]),
  );
  // What other programs, and the tests, read.
  element("answer").textContent = JSON.stringify(answer.report);
  if (state.hasNewTable) element("cells").textContent = JSON.stringify(pageCells([subject]));
  element("report").innerHTML = sectionsMarkup(subject).markup;
  const { hasNewTable: hasNewCells } = state;
  document.dispatchEvent(new CustomEvent("mdp:changed", { detail: { hasNewCells } }));
  state.hasNewTable = false;
}

/** Whether the presolve alone proved it. */
export function lacksCertificate({ report: { answer } }: SessionAnswer): boolean {
  return answer.status === "optimal" && answer.solver === "presolve";
}

/** The same answer, certified: everything that is shown stays, and what is copied or downloaded says so. */
export function showCertified(state: State, answer: SessionAnswer): void {
  state.answer = answer;
  element("answer").textContent = JSON.stringify(answer.report);
  const status = element("status");
  status.textContent = (status.textContent ?? "").replace(PENDING, certificateText(answer));
}

const PENDING = "; HiGHS is certifying it";

function certificateText({ report: { answer } }: SessionAnswer): string {
  return answer.solver === "presolve"
    ? "; HiGHS did not certify it in time"
    : ", certified by HiGHS";
}

function statusText(solved: SessionAnswer, seconds: number): string {
  const { answer, latencyMs, importanceKept } = solved.report;
  const certificate = lacksCertificate(solved) ? PENDING : certificateText(solved);
  const proof =
    answer.status === "optimal" && answer.gap === 0
      ? `Proven optimal, gap 0${certificate}`
      : `${answer.status}, bound ${answer.bound?.toPrecision(6) ?? "unknown"}, gap ${answer.gap === null ? "unknown" : percent(answer.gap)}`;
  return (
    `${proof}: ${milliseconds(latencyMs.chosen)} of ${milliseconds(latencyMs.dense)}` +
    ` (${percent(latencyMs.chosen / latencyMs.dense)}), importance ${percent(importanceKept.chosen / importanceKept.dense)}` +
    `; solved in ${seconds.toFixed(2)} s.`
  );
}

/** An error under the controls; the last answer stays. */
export function showError({ message, where, hint }: TextError): void {
  const box = element("limit-error");
  box.textContent = [
    message,
    where === null ? "" : `where: ${where}`,
    hint === null ? "" : `fix: ${hint}`,
  ]
    .filter((line) => line !== "")
    .join("\n");
  box.hidden = false;
  element("status").textContent = "No answer: see above. The last answer is still shown.";
}
