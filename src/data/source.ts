/** An image as it lies in the data: a file that sharp decodes, or plain bytes. */
export type RawImage =
  | { readonly kind: "encoded"; readonly bytes: Uint8Array }
  | {
      readonly kind: "pixels";
      readonly channels: number;
      readonly height: number;
      readonly width: number;
      /** Channel-major: channels x height x width. */
      readonly bytes: Uint8Array;
    };

export interface SourceImage {
  readonly image: RawImage;
  /** Index among the source's images. */
  readonly index: number;
}

/** Where images come from, before labels and preparation. */
export interface Source {
  readonly count: number;
  /** Name of an image for messages and for its label: a path inside the set, with "/" between its parts. */
  readonly name: (index: number) => string;
  /** Of a folder: folders in it without any image below them. */
  readonly emptyFolders?: readonly string[] | undefined;
  /** Labels that lie in the data itself; null where names decide. */
  readonly labels: Int32Array | null;
  /** The images in the order asked for. */
  readonly read: (indices: readonly number[]) => AsyncIterable<SourceImage>;
}

/** Endings of the files that count as images. */
const IMAGE = /\.(jpe?g|png|webp|gif|tiff?|bmp|avif)$/i;

/** True for a file that should be an image; hidden files (and those of macOS in archives) don't count. */
export function isImageName(path: string): boolean {
  const base = path.slice(path.lastIndexOf("/") + 1);
  return IMAGE.test(base) && !base.startsWith(".") && !path.includes("__MACOSX/");
}
