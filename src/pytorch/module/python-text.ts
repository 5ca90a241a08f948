/** Python as text: names, literals, and lines that fit. */

const KEYWORDS: ReadonlySet<string> = new Set(
  `False None True and as assert async await break class continue def del elif else except finally for from global if import
  in is lambda nonlocal not or pass raise return try while with yield`.split(/\s+/),
);

/** Attributes that nn.Module has: a submodule of that name would hide them. */
const MODULE_ATTRIBUTES: ReadonlySet<string> = new Set(
  `add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches eval extra_repr float
  forward get_buffer get_extra_state get_parameter get_submodule half ipu load_state_dict modules mtia named_buffers
  named_children named_modules named_parameters parameters register_buffer register_forward_hook register_forward_pre_hook
  register_module register_parameter requires_grad_ set_extra_state set_submodule share_memory state_dict to to_empty train
  training type xpu zero_grad clear copy fromkeys get items keys pop popitem setdefault update values`.split(
    /\s+/,
  ),
);

/** Whether Python can write it after a dot. */
export function isIdentifier(text: string): boolean {
  return /^[A-Za-z_]\w*$/.test(text);
}

/** A valid name for a child of a module; numbers and hyphens stay as they are (children of nn.Sequential have such names). */
export function attributeName(text: string): string {
  if (/^(0|[1-9]\d{0,3}|[A-Za-z_][\w-]*-\d+)$/.test(text)) return text;
  const word = text.replace(/[^A-Za-z0-9_]+/g, "_").replace(/^_+(?=.)/, "");
  const name = /^[A-Za-z_]/.test(word) ? word : `m${word}`;
  return KEYWORDS.has(name) || MODULE_ATTRIBUTES.has(name) ? `${name}_` : name;
}

/** A name for a class: words joined, each with a capital. */
export function className(text: string): string {
  const words = text.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  const name = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
  if (name === "") return "Network";
  return /^[A-Za-z]/.test(name) && !KEYWORDS.has(name) ? name : `Net${name}`;
}

/** The shortest decimal that is the same float32. */
export function floatLiteral(value: number): string {
  if (Number.isNaN(value)) return 'float("nan")';
  if (!Number.isFinite(value)) return value > 0 ? 'float("inf")' : 'float("-inf")';
  let text = String(value);
  for (let digits = 1; digits <= 9; digits += 1) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) !== Math.fround(value)) continue;
    text = String(short);
    break;
  }
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

export function tupleLiteral(values: readonly (number | string)[]): string {
  return values.length === 1 ? `(${values[0]},)` : `(${values.join(", ")})`;
}

/** One number where all are equal, as PyTorch takes kernels and strides; otherwise a tuple. */
export function perAxisLiteral(values: readonly number[]): string {
  const [first] = values;
  const same = first !== undefined && values.every((value) => value === first);
  return same ? String(first) : tupleLiteral(values);
}

/** Longest line of a written file, as Black has it. */
export const LINE_LENGTH = 100;

/**
 * A statement as lines: where it is too long, its last bracket is opened and what is inside stands indented, each part on a
 * line of its own. Three or more equal parts of an nn.Sequential become one repetition.
 */
export function wrapped(text: string, indent: number, ending = ""): readonly string[] {
  const pad = " ".repeat(indent);
  const bracket = openBracket(text);
  if (bracket === null) return [`${pad}${text}${ending}`];
  const { open, close } = innermost(text, bracket);
  const parts = partsOf(text.slice(open + 1, close));
  const head = text.slice(0, open + 1);
  const series = /nn\.(Sequential|ModuleList)\(\[?$/.test(head) ? withRepeats(parts) : parts;
  const repeated = head.endsWith("({") ? withRanges(series) : series;
  const short = `${head}${repeated.join(", ")}${text.slice(close)}${ending}`;
  const nested = repeated.some((part) => part.includes("nn.Sequential(") || part.startsWith("*["));
  const several = /(nn\.Sequential\(|\(\{)$/.test(head) && (repeated.length > 2 || nested);
  const one = repeated.length === 1 && !head.endsWith("{");
  if (indent + short.length <= LINE_LENGTH && (!several || one)) return [`${pad}${short}`];
  if (one && /nn\.Sequential\($/.test(head) && !/^nn\.Sequential/.test(repeated[0] ?? "")) {
    const [only = ""] = repeated;
    return wrapped(only, indent, "").map((line, index, all) => {
      const start = index === 0 ? `${pad}${head}${line.trimStart()}` : line;
      return index === all.length - 1 ? `${start}${text.slice(close)}${ending}` : start;
    });
  }
  const together = `${" ".repeat(indent + 4)}${repeated.join(", ")}`;
  if (!several && repeated.length > 1 && together.length <= LINE_LENGTH) {
    return [`${pad}${head}`, together, `${pad}${text.slice(close)}${ending}`];
  }
  const inner = repeated.flatMap((part) => wrapped(part, indent + 4, ","));
  return [`${pad}${head}`, ...inner, `${pad}${text.slice(close)}${ending}`];
}

/** The first bracket whose partner is near the end of the text. */
function openBracket(text: string): { readonly open: number; readonly close: number } | null {
  const stack: number[] = [];
  let found: { readonly open: number; readonly close: number } | null = null;
  for (const [index, letter] of [...text].entries()) {
    if ("([{".includes(letter)) stack.push(index);
    if (!")]}".includes(letter)) continue;
    const open = stack.pop();
    if (open === undefined) return null;
    const longer = found === null || index - open > found.close - found.open;
    if (longer && index > open + 1) found = { open, close: index };
  }
  return found;
}

/** A list or dictionary that is all there is between the brackets goes with them. */
function innermost(
  text: string,
  { open, close }: { readonly open: number; readonly close: number },
): { readonly open: number; readonly close: number } {
  const first = text.charAt(open + 1);
  const last = text.charAt(close - 1);
  const hugged = (first === "{" && last === "}") || (first === "[" && last === "]");
  const alone = hugged && partsOf(text.slice(open + 1, close)).length === 1;
  return alone ? { open: open + 1, close: close - 1 } : { open, close };
}

/** What stands between the commas of the outermost level. */
function partsOf(text: string): readonly string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (const [index, letter] of [...text].entries()) {
    if ("([{".includes(letter)) depth += 1;
    if (")]}".includes(letter)) depth -= 1;
    if (letter !== "," || depth > 0) continue;
    parts.push(text.slice(start, index).trim());
    start = index + 1;
  }
  parts.push(text.slice(start).trim());
  return parts.filter((part) => part !== "");
}

function withRepeats(parts: readonly string[]): readonly string[] {
  const result: string[] = [];
  for (let index = 0; index < parts.length; ) {
    const part = parts[index] ?? "";
    let end = index + 1;
    while (parts[end] === part) end += 1;
    const count = end - index;
    if (count >= 3) result.push(`*[${part} for _ in range(${count})]`);
    else result.push(...parts.slice(index, end));
    index = end;
  }
  return result;
}

/** Three or more equal entries of a dictionary whose names count up become one. */
function withRanges(entries: readonly string[]): readonly string[] {
  const read = entries.map((entry) => /^"([^"]*?)(\d+)": (.*)$/.exec(entry));
  const result: string[] = [];
  for (let index = 0; index < entries.length; ) {
    const [, stem = "", number = "", value = ""] = read[index] ?? [];
    let end = index + 1;
    const follows = (next: RegExpExecArray | null | undefined): boolean =>
      next?.[1] === stem && next[3] === value && Number(next[2]) === Number(number) + end - index;
    while (number !== "" && follows(read[end])) end += 1;
    const range = `${Number(number)}, ${Number(number) + end - index}`;
    if (end - index >= 3) result.push(`**{f"${stem}{i}": ${value} for i in range(${range})}`);
    else result.push(...entries.slice(index, end));
    index = end;
  }
  return result;
}

/** A list of strings, as many on a line as fit. */
export function filledList(name: string, values: readonly string[]): readonly string[] {
  const short = `${name} = [${values.map((value) => `"${value}"`).join(", ")}]`;
  if (short.length <= LINE_LENGTH) return [short];
  const lines: string[] = [];
  let line = "";
  for (const value of values) {
    const next = `${line === "" ? "    " : `${line} `}"${value}",`;
    if (next.length > LINE_LENGTH && line !== "") {
      lines.push(line);
      line = `    "${value}",`;
    } else line = next;
  }
  return [`${name} = [`, ...lines, line, "]"];
}
