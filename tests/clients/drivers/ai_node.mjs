// npm `ai` (Vercel), with `@ai-sdk/openai-compatible`.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { Output, embedMany, generateText, jsonSchema, streamText, tool } from "ai";
import { ASK, BASE, CITY, EMBEDDINGS, KEY, MODEL, NEVER, SCHEMA, errors, run } from "./asked.mjs";

const here = (apiKey = KEY) => createOpenAICompatible({ name: "here", baseURL: BASE, apiKey, includeUsage: true, supportsStructuredOutputs: true });
const asked = (key, model, more) => ({ model: here(key)(model), messages: ASK, maxOutputTokens: 16, maxRetries: 0, ...more });

await run({
  async chat() {
    const answer = await generateText(asked(KEY, MODEL));
    return { text: answer.text, tokens: answer.usage.outputTokens };
  },
  async stream() {
    const pieces = [];
    const answer = streamText(asked(KEY, MODEL));
    for await (const piece of answer.textStream) pieces.push(piece);
    return { text: pieces.join(""), pieces: pieces.length, tokens: (await answer.usage).outputTokens };
  },
  async tools() {
    const weather = tool({ description: "The weather of a city", inputSchema: jsonSchema(CITY) });
    const answer = await generateText(asked(KEY, MODEL, { tools: { weather }, toolChoice: "required", maxOutputTokens: 500 }));
    return { tool: answer.toolCalls[0].toolName, arguments: answer.toolCalls[0].input };
  },
  async json_schema() {
    const output = Output.object({ schema: jsonSchema(SCHEMA) });
    const answer = await generateText(asked(KEY, MODEL, { output, maxOutputTokens: 500 }));
    return { object: answer.output };
  },
  async embeddings() {
    const answer = await embedMany({ model: here().embeddingModel(EMBEDDINGS), values: ["one", "two"] });
    return { vectors: answer.embeddings.map((one) => one.length) };
  },
  errors: () => errors((key, model) => generateText(asked(key, model))),
  async retries() {
    return { text: (await generateText(asked(KEY, "one-at-a-time", { maxRetries: 5, maxOutputTokens: 4 }))).text };
  },
  async cancel() {
    const controller = new AbortController();
    const answer = streamText(asked(KEY, MODEL, { maxOutputTokens: 1000, abortSignal: controller.signal }));
    for await (const _ of answer.textStream) break;
    controller.abort();
    return { left: true };
  },
});
