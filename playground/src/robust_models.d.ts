declare module 'virtual:robust-models' {
  /** URLs of the trained models' files, by folder and name. */
  const files: Record<string, string>;
  export default files;
}
