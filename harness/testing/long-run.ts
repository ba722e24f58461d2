/** Whether this is the long run, `npm run test:long`; what can be long or short is short otherwise. */
export const isLongRun = process.env["NEON_TEST_LONG"] === "1";
