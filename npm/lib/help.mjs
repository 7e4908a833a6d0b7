export const asksForHelp = (args) => args.includes("--help") || args.includes("-h");
