import { ARCHITECTURES, SMALL_ARCHITECTURES } from "../helpers/architectures.ts";
import { testArchitectures } from "../helpers/prove-architectures.ts";

testArchitectures(ARCHITECTURES.filter(({ name }) => !SMALL_ARCHITECTURES.includes(name)));
