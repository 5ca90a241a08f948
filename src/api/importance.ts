/// <reference types="node" preserve="true" />
/** What each unit is worth. Part of the library below its front door: names may change in a minor version. */
export { type DataScoreOptions, scoreWithData } from "../importance/data/score-data.ts";
export {
  checkImportance,
  IMPORTANCE_METHODS,
  type Importance,
  parseImportance,
} from "../importance/importance.ts";
export { type ScoreOptions, scoreNetwork } from "../importance/score.ts";
