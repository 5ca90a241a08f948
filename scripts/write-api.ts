// Writes docs/reference/api.md from the declarations of the library.
import { join } from "node:path";
import { writeFileAtomic } from "../src/core/files.ts";
import { root } from "./api/declarations.ts";
import { apiReference } from "./api/reference.ts";

writeFileAtomic(join(root, "docs/reference/api.md"), apiReference());
