import type { SpecOption } from "../spec";
import { quoteLiteral } from "./quoting";

/** Options of CREATE ROLE or CREATE DATABASE, as the spec has them. */
export function optionsText(options: readonly SpecOption[] | null | undefined): string {
  return (options ?? []).map(optionText).join(" ");
}

function optionText({ name, value, vartype }: SpecOption): string {
  if (value === undefined || value === null) return name;
  return `${name} ${vartype === "string" ? quoteLiteral(value) : value}`;
}
