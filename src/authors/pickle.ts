/**
 * Reads Python pickles of protocols 0 to 5 that hold dicts, lists, tuples, texts, numbers and numpy arrays, as the authors of
 * MDP and HALP published them. An opcode or a callable beyond those is refused, so that reading a file runs nothing.
 */
import { build, call, callableNamed, type Held, itemsOf, tupleOf } from "./pickle-calls.ts";
import { cursorOver, refusedPickle } from "./pickle-cursor.ts";
import {
  append,
  isObject,
  keep,
  type Machine,
  memoKey,
  peek,
  pop,
  pushKept,
  setItems,
  settledValue,
  sinceMark,
  values,
} from "./pickle-machine.ts";
import { OP } from "./pickle-opcodes.ts";
import {
  intOfLine,
  longOfBytes,
  numberOfLine,
  quotedText,
  rawUnicode,
  wholeOfLine,
} from "./pickle-text.ts";
import type { PickleValue } from "./pickle-values.ts";

const NEWEST_PROTOCOL = 5;
/** In arrays, together: 256 MiB. */
const MOST_NUMBERS = 2 ** 25;

/**
 * The value that the bytes hold.
 * @param mostNumbers that all arrays together may have
 * @throws InputError `formulation/pickle-refused`, `formulation/pickle-damaged`
 */
export function readPickle(
  data: Uint8Array,
  where: string,
  mostNumbers: number = MOST_NUMBERS,
): PickleValue {
  const cursor = cursorOver(data, where);
  let opcodeAt = 0;
  let numbersLeft = mostNumbers;
  const refuse = (what: string): never => {
    throw refusedPickle(what, opcodeAt, where);
  };
  // One stretch of bytes can be named as an array many times.
  const take = (numbers: number): void => {
    numbersLeft -= numbers;
    if (numbersLeft < 0) refuse(`more than ${mostNumbers} numbers in arrays`);
  };
  const machine: Machine = {
    cursor,
    stack: [],
    marks: [],
    memo: new Map(),
    maker: { fail: refuse, take },
    refuse,
    damaged: (what) => {
      throw cursor.damaged(what);
    },
  };
  for (;;) {
    opcodeAt = cursor.position();
    const opcode = cursor.byte();
    if (opcode === OP.stop) return settledValue(machine, pop(machine));
    const known =
      readScalar(machine, opcode) ||
      readText(machine, opcode) ||
      readContainer(machine, opcode) ||
      readMemo(machine, opcode) ||
      readCall(machine, opcode);
    if (!known) machine.refuse(`the opcode 0x${opcode.toString(16).padStart(2, "0")}`);
  }
}

function readScalar(machine: Machine, opcode: number): boolean {
  const { cursor, stack } = machine;
  switch (opcode) {
    case OP.proto: {
      const protocol = cursor.byte();
      if (protocol > NEWEST_PROTOCOL) machine.refuse(`protocol ${protocol}`);
      return true;
    }
    case OP.frame:
      cursor.length64();
      return true;
    case OP.none:
      stack.push(null);
      return true;
    case OP.newTrue:
    case OP.newFalse:
      stack.push(opcode === OP.newTrue);
      return true;
    case OP.int:
      stack.push(intOfLine(cursor.line(), machine.damaged));
      return true;
    case OP.long:
      stack.push(wholeOfLine(cursor.line().replace(/L$/, ""), machine.damaged));
      return true;
    case OP.float:
      stack.push(numberOfLine(cursor.line(), machine.damaged));
      return true;
    case OP.binInt:
      stack.push(cursor.int32());
      return true;
    case OP.binInt1:
      stack.push(cursor.byte());
      return true;
    case OP.binInt2:
      stack.push(cursor.uint16());
      return true;
    case OP.long1:
      stack.push(longOfBytes(cursor.bytes(cursor.byte())));
      return true;
    case OP.binFloat:
      stack.push(cursor.float64());
      return true;
    default:
      return false;
  }
}

function readText(machine: Machine, opcode: number): boolean {
  const { cursor, stack } = machine;
  const push = (bytes: Uint8Array, coding: "utf8" | "latin1"): true => {
    stack.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(coding));
    return true;
  };
  const pushBytes = (bytes: Uint8Array): true => {
    stack.push(bytes);
    return true;
  };
  switch (opcode) {
    case OP.string:
      stack.push(quotedText(cursor.line(), machine.damaged));
      return true;
    case OP.unicode:
      stack.push(rawUnicode(cursor.line()));
      return true;
    case OP.binString:
      return push(cursor.bytes(cursor.uint32()), "latin1");
    case OP.shortBinString:
      return push(cursor.bytes(cursor.byte()), "latin1");
    case OP.binUnicode:
      return push(cursor.bytes(cursor.uint32()), "utf8");
    case OP.shortBinUnicode:
      return push(cursor.bytes(cursor.byte()), "utf8");
    case OP.binUnicode8:
      return push(cursor.bytes(cursor.length64()), "utf8");
    case OP.binBytes:
      return pushBytes(cursor.bytes(cursor.uint32()));
    case OP.shortBinBytes:
      return pushBytes(cursor.bytes(cursor.byte()));
    case OP.binBytes8:
    case OP.byteArray8:
      return pushBytes(cursor.bytes(cursor.length64()));
    default:
      return false;
  }
}

function readContainer(machine: Machine, opcode: number): boolean {
  const { stack } = machine;
  switch (opcode) {
    case OP.mark:
      machine.marks.push(stack.length);
      return true;
    case OP.emptyTuple:
      stack.push({ kind: "tuple", items: [] });
      return true;
    case OP.tuple:
      stack.push(tupleOf(sinceMark(machine)));
      return true;
    case OP.tuple1:
    case OP.tuple2:
    case OP.tuple3: {
      const items: Held[] = [];
      for (let size = opcode - OP.tuple1; size >= 0; size -= 1) items.unshift(pop(machine));
      stack.push(tupleOf(items));
      return true;
    }
    case OP.emptyList:
      stack.push({ kind: "list", items: [] });
      return true;
    case OP.list:
      stack.push({ kind: "list", items: values(machine, sinceMark(machine)) });
      return true;
    case OP.append:
      return append(machine, [pop(machine)]);
    case OP.appends:
      return append(machine, sinceMark(machine));
    case OP.emptyDict:
      stack.push({ kind: "dict", entries: [] });
      return true;
    case OP.dict: {
      const items = sinceMark(machine);
      stack.push({ kind: "dict", entries: [] });
      return setItems(machine, items);
    }
    case OP.setItem: {
      const value = pop(machine);
      return setItems(machine, [pop(machine), value]);
    }
    case OP.setItems:
      return setItems(machine, sinceMark(machine));
    default:
      return false;
  }
}

function readMemo(machine: Machine, opcode: number): boolean {
  const { cursor, memo } = machine;
  switch (opcode) {
    case OP.put:
      return keep(machine, memoKey(machine, cursor.line()));
    case OP.binPut:
      return keep(machine, cursor.byte());
    case OP.longBinPut:
      return keep(machine, cursor.uint32());
    case OP.memoize:
      return keep(machine, memo.size);
    case OP.get:
      return pushKept(machine, memoKey(machine, cursor.line()));
    case OP.binGet:
      return pushKept(machine, cursor.byte());
    case OP.longBinGet:
      return pushKept(machine, cursor.uint32());
    default:
      return false;
  }
}

function readCall(machine: Machine, opcode: number): boolean {
  const { cursor, stack, refuse } = machine;
  const pushNamed = (module: Held, name: Held): true => {
    const isText = typeof module === "string" && typeof name === "string";
    const found = isText ? callableNamed(module, name) : null;
    stack.push(found ?? refuse(isText ? `'${module}.${name}'` : "a callable without a name"));
    return true;
  };
  switch (opcode) {
    case OP.global: {
      const module = cursor.line();
      return pushNamed(module, cursor.line());
    }
    case OP.stackGlobal: {
      const name = pop(machine);
      return pushNamed(pop(machine), name);
    }
    case OP.reduce: {
      const args = itemsOf(pop(machine), refuse);
      const callable = pop(machine);
      const isCallable = isObject(callable) && callable.kind === "callable";
      stack.push(
        isCallable ? call(callable, args, machine.maker) : refuse("a call of what is none"),
      );
      return true;
    }
    case OP.build: {
      const state = pop(machine);
      build(peek(machine), state, machine.maker);
      return true;
    }
    default:
      return false;
  }
}
