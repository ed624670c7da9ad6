// What every driver in JavaScript is asked: `node DRIVER.mjs CAPABILITY` prints one line of JSON.
const env = (name) => process.env[`CLIENT_${name}`];
export const BASE = env("BASE"), KEY = env("KEY"), LIMITED = env("LIMITED_KEY"), NEVER = env("NEVER_KEY");
export const MODEL = env("MODEL"), EMBEDDINGS = "smollm2-embed";
export const ASK = [{ role: "user", content: "What is the weather in Paris?" }];
const city = { type: "string", enum: ["Paris", "Rome"] };
export const CITY = { type: "object", properties: { city }, required: ["city"] };
export const SCHEMA = {
  type: "object",
  properties: { city, degrees: { type: "integer" } },
  required: ["city", "degrees"],
  additionalProperties: false,
};

export async function run(capabilities) {
  console.log(JSON.stringify(await capabilities[process.argv[2]]()));
}

// [status, name] of each error, for a wrong key, an unknown model, and a limit that is used up.
export async function errors(ask) {
  const seen = [];
  for (const [key, model] of [["sk-llmgw-wrong", MODEL], [KEY, "nobody"], [LIMITED, MODEL]]) {
    try {
      await ask(key, model);
      seen.push(null);
    } catch (error) {
      seen.push([error.status ?? error.statusCode, error.constructor.name]);
    }
  }
  return { errors: seen };
}
