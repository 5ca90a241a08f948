/** What a network written as a PyTorch module consists of: the text, and how its parameters come from the network's constants. */
/** Where a tensor of the module's state_dict comes from. */
export interface ModuleParameter {
  /** Its key in the state_dict, as "layer1.0.conv1.weight". */
  readonly key: string;
  /**
   * The name by which the network's op reads it: an initializer, the output of a Constant node, or of an Identity of one
   * (exporters store equal tensors once; in the module each is its own).
   */
  readonly initializer: string;
  /** "int64" for lists of indices, which are never trained. */
  readonly type: "float32" | "int64";
  /** Its shape in the state_dict. */
  readonly shape: readonly number[];
  /**
   * How the module's tensor comes from the network's: as it is (where `shape` differs, the elements stay in their order),
   * or, with two axes, transposed.
   */
  readonly change: "none" | "transpose";
  /** Not trained: running statistics and constants. */
  readonly buffer: boolean;
}

/** One input or output: the name in the network; extents that are not fixed (the batch) are null. */
export interface ModuleValue {
  readonly name: string;
  readonly shape: readonly (number | null)[] | null;
}

/** A network as the text of a Python file. */
export interface PyTorchModule {
  /** The whole file: the classes, `build()`, which makes the network, and `FEATURES`. */
  readonly source: string;
  readonly className: string;
  /** In the order of the network's constants; every key once. */
  readonly parameters: readonly ModuleParameter[];
  readonly inputs: readonly ModuleValue[];
  /** In the order in which `forward` returns them: one tensor, or a tuple of several. */
  readonly outputs: readonly ModuleValue[];
  /** Names of submodules whose outputs are the blocks' outputs, as `FEATURES` in the file lists them. */
  readonly features: readonly string[];
  /** The network's values that those outputs are, in the same order. */
  readonly featureValues: readonly string[];
  readonly lines: number;
}

export interface ModuleOptions {
  /** Name of the network's class; by default made from the graph's name. */
  readonly className?: string;
  /** What the file says of itself in its first lines, without comment signs. */
  readonly heading?: readonly string[];
}

/** A tensor as the state_dict holds it, row-major. */
export interface ModuleTensor {
  readonly key: string;
  readonly shape: readonly number[];
  /** BigInt64Array where the parameter's type is int64. */
  readonly values: Float32Array | BigInt64Array;
}
