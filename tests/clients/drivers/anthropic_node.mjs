// npm `@anthropic-ai/sdk`.
import Anthropic from "@anthropic-ai/sdk";
import { ASK, BASE, CITY, KEY, MODEL, NEVER, SCHEMA, errors, run } from "./asked.mjs";

const client = (apiKey = KEY, maxRetries = 0) => new Anthropic({ baseURL: BASE.replace(/\/v1$/, ""), apiKey, maxRetries });
const ask = (of, more = {}) => of.messages.create({ model: MODEL, messages: ASK, max_tokens: 16, ...more });
const called = async (name, input_schema) => {
  const answer = await ask(client(), { tools: [{ name, description: "Tells it", input_schema }], tool_choice: { type: "any" }, max_tokens: 500 });
  return answer.content.find((block) => block.type === "tool_use");
};

await run({
  async chat() {
    const answer = await ask(client());
    return { text: answer.content[0].text, tokens: answer.usage.output_tokens };
  },
  async stream() {
    const pieces = [];
    const events = client().messages.stream({ model: MODEL, messages: ASK, max_tokens: 16 });
    events.on("text", (text) => pieces.push(text));
    const answer = await events.finalMessage();
    return { text: pieces.join(""), pieces: pieces.length, tokens: answer.usage.output_tokens };
  },
  async tools() {
    const call = await called("weather", CITY);
    return { tool: call.name, arguments: call.input };
  },
  // By a tool that must be called, which is how Anthropic's API does it.
  json_schema: async () => ({ object: (await called("place", SCHEMA)).input }),
  errors: () => errors((key, model) => ask(client(key), { model })),
  async retries() {
    return { text: (await ask(client(KEY, 5), { model: "one-at-a-time", max_tokens: 4 })).content[0].text };
  },
  async no_retry() {
    await ask(client(NEVER, 5)).then(() => { throw new Error("not refused"); }, (error) => {
      if (!(error instanceof Anthropic.RateLimitError)) throw error;
    });
    return { refused: true };
  },
  async cancel() {
    for await (const _ of await ask(client(), { stream: true, max_tokens: 1000 })) break;
    return { left: true };
  },
});
