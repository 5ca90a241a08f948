/// <reference types="node" preserve="true" />
/** Subnets: kept units and dropped parts; surgery, proof, repair. Part of the library below its front door: names may change in a minor version. */
export { compareSubnets, type SubnetDifference } from "../subnet/compare-subnets.ts";
export {
  CORRECTION_METHODS,
  type Correction,
  type CorrectionMethod,
  type CorrectOptions,
  correctSubnet,
} from "../subnet/correct/correct.ts";
export { cutGraph } from "../subnet/cut.ts";
export { type Proof, proveSubnet } from "../subnet/prove.ts";
export { keepAll, type Subnet } from "../subnet/subnet.ts";
export {
  parseSubnet,
  parseSubnetFile,
  type SubnetFile,
  subnetJson,
} from "../subnet/subnet-file.ts";
