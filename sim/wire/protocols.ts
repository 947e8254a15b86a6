/**
 * How requests and answers of each service look on the wire.
 *
 * In: an HTTP request's head and body. Out: which action of which service it is; an answer or an error
 * as status, headers and text. EC2, IAM and STS speak forms and XML, SQS, SSM and Pricing JSON with a
 * target header, EKS JSON under paths. Carrying out is the server's.
 */
import { Ec2Error } from '../ec2-types.ts';
import type { QueryService, Service } from './actions.ts';
import type { Json } from './context.ts';
import { statusOf } from './error-status.ts';
import { type Form, parseForm } from './form.ts';
import { plainXml, type XmlValue, xmlOf } from './xml.ts';

/** A request, understood so far. */
export type WireCall =
  | { readonly service: QueryService; readonly action: string; readonly form: Form }
  | { readonly service: 'sqs' | 'ssm' | 'pricing'; readonly action: string; readonly json: Json }
  | { readonly service: 'eks'; readonly action: string; readonly name: string };

export interface WireAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const versions: Readonly<Record<string, QueryService>> = {
  '2016-11-15': 'ec2',
  '2010-05-08': 'iam',
  '2011-06-15': 'sts',
};
const targets = {
  AmazonSQS: 'sqs',
  AmazonSSM: 'ssm',
  AWSPriceListService: 'pricing',
} as const;
const namespaces: Readonly<Record<QueryService, string>> = {
  ec2: 'http://ec2.amazonaws.com/doc/2016-11-15/',
  iam: 'https://iam.amazonaws.com/doc/2010-05-08/',
  sts: 'https://sts.amazonaws.com/doc/2011-06-15/',
};
/** What SQS errors were called before it spoke JSON; the SDK can go by either. */
const queryCodes: Readonly<Record<string, string>> = {
  QueueDoesNotExist: 'AWS.SimpleQueueService.NonExistentQueue',
};

/** @throws Ec2Error if it is none of ours */
export function readCall(
  method: string,
  path: string,
  target: string | undefined,
  body: string,
): WireCall {
  const cluster = /^\/clusters\/([^/]+)$/.exec(path)?.[1];
  if (method === 'GET' && cluster !== undefined) {
    return { service: 'eks', action: 'DescribeCluster', name: decodeURIComponent(cluster) };
  }
  if (target !== undefined) {
    const [prefix = '', action = ''] = target.split('.');
    if (prefix in targets) {
      const service = targets[prefix as keyof typeof targets];
      return { service, action, json: readJson(body) };
    }
    throw new Ec2Error('UnknownOperationException', `${target} is not simulated.`);
  }
  const form = parseForm(body);
  const service = versions[form.optional('Version') ?? ''];
  if (method !== 'POST' || service === undefined) {
    throw new Ec2Error('InvalidAction', `${method} ${path} is not simulated.`);
  }
  return { service, action: form.text('Action'), form };
}

function readJson(body: string): Json {
  let value: unknown;
  try {
    value = JSON.parse(body === '' ? '{}' : body);
  } catch {
    throw new Ec2Error('SerializationException', 'The body is not JSON.');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json;
  throw new Ec2Error('SerializationException', 'The body is not an object.');
}

export function queryAnswer(
  service: QueryService,
  action: string,
  requestId: string,
  value: { readonly [name: string]: XmlValue },
): WireAnswer {
  const body =
    service === 'ec2'
      ? xmlOf(`${action}Response`, namespaces[service], { requestId, ...value }, 'item')
      : xmlOf(
          `${action}Response`,
          namespaces[service],
          { [`${action}Result`]: value, ResponseMetadata: { RequestId: requestId } },
          'member',
        );
  return { status: 200, headers: headersOf('text/xml;charset=UTF-8', requestId), body };
}

export function jsonAnswer(service: Service, requestId: string, value: Json): WireAnswer {
  return {
    status: 200,
    headers: headersOf(jsonType(service), requestId),
    body: JSON.stringify(value),
  };
}

/** An error in the words of a service; of an unknown one in EC2's. */
export function errorAnswer(
  service: Service | undefined,
  requestId: string,
  code: string,
  message: string,
  status = statusOf(code),
): WireAnswer {
  switch (service) {
    case 'iam':
    case 'sts': {
      const Type = status >= 500 ? 'Receiver' : 'Sender';
      const body = plainXml('ErrorResponse', {
        Error: { Type, Code: code, Message: message },
        RequestId: requestId,
      });
      return { status, headers: headersOf('text/xml', requestId), body };
    }
    case 'sqs':
    case 'ssm':
    case 'pricing':
    case 'eks': {
      const headers = {
        ...headersOf(jsonType(service), requestId),
        'x-amzn-errortype': code,
        ...(service === 'sqs'
          ? { 'x-amzn-query-error': `${queryCodes[code] ?? code};Sender` }
          : {}),
      };
      const body = JSON.stringify({ __type: code, message });
      return { status: service === 'eks' ? status : jsonStatus(status), headers, body };
    }
    case 'ec2':
    case undefined: {
      const body = plainXml('Response', {
        Errors: { Error: { Code: code, Message: message } },
        RequestID: requestId,
      });
      return { status, headers: headersOf('text/xml;charset=UTF-8', requestId), body };
    }
  }
}

/** JSON services answer every mistake of the caller with 400. */
function jsonStatus(status: number): number {
  return status >= 500 ? status : 400;
}

function jsonType(service: Service): string {
  if (service === 'sqs') return 'application/x-amz-json-1.0';
  return service === 'eks' ? 'application/json' : 'application/x-amz-json-1.1';
}

function headersOf(contentType: string, requestId: string): Record<string, string> {
  return { 'content-type': contentType, 'x-amzn-requestid': requestId };
}
