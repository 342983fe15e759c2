/**
 * The folder of a trained model, in the installed package.
 *
 * @throws Error that says where the models are.
 */
export async function installedRobustFolder(row: string): Promise<string> {
  throw new Error(
    `The trained model robust:${row} comes with a clone of the repository, not with the package: give the path of its folder.`,
  );
}
