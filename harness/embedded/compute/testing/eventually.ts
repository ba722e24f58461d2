/** Repeats an assertion until it holds; after `budgetMs` its last failure is thrown. */
export async function eventually(assertion: () => void | Promise<void>, budgetMs = 5_000): Promise<void> {
  for (const deadline = performance.now() + budgetMs; ;) {
    try {
      return await assertion();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
