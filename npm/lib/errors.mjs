/** The message says what is wrong and what to do: it is shown without a stack. */
export class UsageError extends Error {}
