import type { Subnet } from "../subnet/subnet.ts";

/** Evidence of each metric, item by item; null of a metric that was not measured. */
export type Evidence = readonly (readonly unknown[] | null)[];

/** Measures subnets on the items of the search, without repair. */
export interface Judge {
  /**
   * Every metric on a quarter of the items; null of those that can't be measured in part, and null as a whole where a part
   * would save nothing.
   */
  readonly part: ((subnet: Subnet) => Promise<Evidence>) | null;
  /** Every metric on all items. */
  readonly whole: (subnet: Subnet) => Promise<readonly (readonly unknown[])[]>;
}
