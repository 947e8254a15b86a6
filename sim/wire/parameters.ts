/**
 * SSM: the parameter store.
 *
 * In: requests. Out: parameters by name, by names and by path, as the account has them.
 */
import { Ec2Error } from '../ec2-types.ts';
import type { Json, JsonHandler, WireContext } from './context.ts';
import { readToken, writeToken } from './filters.ts';
import { integerField, textField, textsField } from './json-fields.ts';

const namesMax = 10;
const pageMax = 10;

export const getParameter: JsonHandler = (context, request) => {
  const name = textField(request, 'Name');
  const value = context.account.parameters.get(name);
  if (value === undefined) throw new Ec2Error('ParameterNotFound', '');
  return { Parameter: parameterJson(context, name, value) };
};

export const getParameters: JsonHandler = (context, request) => {
  const names = textsField(request, 'Names');
  if (names.length === 0 || names.length > namesMax) {
    throw new Ec2Error('ValidationException', `Expected 1 to ${namesMax} names.`);
  }
  const { parameters } = context.account;
  return {
    Parameters: names.flatMap((name) => {
      const value = parameters.get(name);
      return value === undefined ? [] : [parameterJson(context, name, value)];
    }),
    InvalidParameters: names.filter((name) => !parameters.has(name)),
  };
};

export const getParametersByPath: JsonHandler = (context, request) => {
  const path = textField(request, 'Path').replace(/\/*$/, '/');
  const isRecursive = request['Recursive'] === true;
  const found = [...context.account.parameters].filter(([name]) => {
    if (!name.startsWith(path)) return false;
    return isRecursive || !name.slice(path.length).includes('/');
  });
  const size = integerField(request, 'MaxResults', 1, pageMax) ?? pageMax;
  const token = request['NextToken'];
  const start = typeof token === 'string' ? readToken(token) : 0;
  const end = start + size;
  return {
    Parameters: found.slice(start, end).map(([name, value]) => parameterJson(context, name, value)),
    ...(end < found.length ? { NextToken: writeToken(end) } : {}),
  };
};

function parameterJson({ account }: WireContext, name: string, value: string): Json {
  return {
    Name: name,
    Type: 'String',
    Value: value,
    Version: 1,
    DataType: 'text',
    ARN: `arn:aws:ssm:${account.region}::parameter${name}`,
  };
}
