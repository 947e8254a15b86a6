/**
 * Fields of JSON requests.
 *
 * In: parsed JSON from outside. Out: values of the type that is asked for, or the refusal of a missing
 * or malformed one. It knows no service.
 */
import { Ec2Error } from '../ec2-types.ts';
import type { Json } from './context.ts';

/** @throws Ec2Error */
export function textField(request: Json, name: string): string {
  const value = request[name];
  if (typeof value === 'string' && value !== '') return value;
  throw new Ec2Error('ValidationException', `The request must contain ${name}.`);
}

/** `undefined` if absent. @throws Ec2Error */
export function integerField(
  request: Json,
  name: string,
  min: number,
  max: number,
): number | undefined {
  const value = request[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max)
    return value;
  throw new Ec2Error(
    'InvalidParameterValue',
    `Value ${JSON.stringify(value)} for parameter ${name} is invalid. Expected ${min} to ${max}.`,
  );
}

export function textsField(request: Json, name: string): readonly string[] {
  const value = request[name];
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

export function objectsField(request: Json, name: string): readonly Json[] {
  const value = request[name];
  return Array.isArray(value)
    ? value.filter((one): one is Json => typeof one === 'object' && one !== null)
    : [];
}
