/**
 * Launch templates: created, told, deleted.
 *
 * In: requests. Out: EC2's answers, and the data of a version for those who launch with it. A template
 * is kept as the request said it and told in the words of answers. As on AWS it is not seen by
 * everybody at once.
 */
import { Ec2Error } from '../ec2-types.ts';
import type { Tags } from './account.ts';
import { isoTime, newId, type QueryHandler, type WireContext } from './context.ts';
import { type FilterFields, filterOf, pageOf, tagSet } from './filters.ts';
import { Form, type FormTree, tagsOf } from './form.ts';
import { EntryList, type XmlValue } from './xml.ts';

export interface TemplateVersion {
  readonly number: number;
  readonly description: string | undefined;
  readonly createdMs: number;
  readonly data: Form;
}

export interface LaunchTemplate {
  readonly id: string;
  readonly name: string;
  readonly createdMs: number;
  /** Not seen before. */
  readonly visibleMs: number;
  readonly versions: TemplateVersion[];
  tags: Tags;
}

const pages = { min: 1, max: 200, otherwise: 200 };
const namePattern = /^[a-zA-Z0-9().\-/_]{3,128}$/;
const userDataMaxBytes = 16_384;
const templatesMax = 5_000;

export const createLaunchTemplate: QueryHandler = (context, request) => {
  const { account, clock, random, tokens } = context;
  const name = request.text('LaunchTemplateName');
  if (!namePattern.test(name)) {
    throw new Ec2Error(
      'InvalidLaunchTemplateName.MalformedException',
      `The launch template name '${name}' has characters that are not allowed or a wrong length.`,
    );
  }
  const data = request.form('LaunchTemplateData');
  if (data.isEmpty) throw new Ec2Error('MissingParameter', 'LaunchTemplateData is missing.');
  checkUserData(data);
  context.dryRun(request);
  return tokens.answer(
    'CreateLaunchTemplate',
    request.optional('ClientToken'),
    request.tree,
    () => {
      if ([...account.launchTemplates.values()].some((one) => one.name === name)) {
        throw new Ec2Error(
          'InvalidLaunchTemplateName.AlreadyExistsException',
          `Launch template name already in use.`,
        );
      }
      if (account.launchTemplates.size >= templatesMax) {
        throw new Ec2Error('LaunchTemplateLimitExceeded', 'There are too many launch templates.');
      }
      const createdMs = clock.nowMs();
      const template: LaunchTemplate = {
        id: newId(random, 'lt'),
        name,
        createdMs,
        visibleMs: createdMs + context.lagMs(),
        versions: [
          { number: 1, description: request.optional('VersionDescription'), createdMs, data },
        ],
        tags: taggedAs(request, 'launch-template'),
      };
      account.launchTemplates.set(template.id, template);
      return { launchTemplate: templateXml(template, context) };
    },
  );
};

/** A version is the source's with the new data over it, field by field at the top. */
export const createLaunchTemplateVersion: QueryHandler = (context, request) => {
  const template = findTemplate(context, request);
  const data = request.form('LaunchTemplateData');
  checkUserData(data);
  context.dryRun(request);
  const source = request.optional('SourceVersion');
  const base = source === undefined ? {} : versionOf(template, source).data.tree;
  const version: TemplateVersion = {
    number: template.versions.length + 1,
    description: request.optional('VersionDescription'),
    createdMs: context.clock.nowMs(),
    data: new Form({ ...base, ...data.tree }, 'LaunchTemplateData'),
  };
  template.versions.push(version);
  return { launchTemplateVersion: versionXml(template, version) };
};

export const deleteLaunchTemplate: QueryHandler = (context, request) => {
  const template = findTemplate(context, request);
  context.dryRun(request);
  context.account.launchTemplates.delete(template.id);
  return { launchTemplate: templateXml(template, context) };
};

const templateFields: FilterFields<LaunchTemplate> = {
  'launch-template-name': ({ name }) => name,
  'create-time': ({ createdMs }) => isoTime(createdMs),
};

export const describeLaunchTemplates: QueryHandler = (context, request) => {
  const ids = request.texts('LaunchTemplateId');
  const names = request.texts('LaunchTemplateName');
  const seen = visibleTemplates(context);
  const wanted = [
    ...ids.map((id) => seen.find((one) => one.id === id) ?? notFound('Id', id)),
    ...names.map((name) => seen.find((one) => one.name === name) ?? notFound('Name', name)),
  ];
  const found = ids.length + names.length === 0 ? seen : wanted;
  const matches = filterOf(request, templateFields, ({ tags }) => tags);
  const { items, nextToken } = pageOf(request, found.filter(matches), pages);
  return { launchTemplates: items.map((one) => templateXml(one, context)), nextToken };
};

export const describeLaunchTemplateVersions: QueryHandler = (context, request) => {
  const wanted = request.texts('LaunchTemplateVersion');
  const isNamed = request.has('LaunchTemplateId') || request.has('LaunchTemplateName');
  const templates = isNamed ? [findTemplate(context, request)] : visibleTemplates(context);
  const found = templates.flatMap((template) =>
    wanted.length === 0
      ? template.versions.map((version) => ({ template, version }))
      : wanted.map((one) => ({ template, version: versionOf(template, one) })),
  );
  const { items, nextToken } = pageOf(request, found, pages);
  return {
    launchTemplateVersionSet: items.map(({ template, version }) => versionXml(template, version)),
    nextToken,
  };
};

/**
 * The template that a request names by id or name.
 * @throws Ec2Error if it is not there, or not seen yet
 */
export function findTemplate(context: WireContext, request: Form): LaunchTemplate {
  const id = request.optional('LaunchTemplateId');
  const seen = visibleTemplates(context);
  if (id !== undefined) return seen.find((one) => one.id === id) ?? notFound('Id', id);
  const name = request.text('LaunchTemplateName');
  return seen.find((one) => one.name === name) ?? notFound('Name', name);
}

/** @throws Ec2Error */
export function versionOf(template: LaunchTemplate, version: string | undefined): TemplateVersion {
  const { versions } = template;
  const found =
    version === '$Latest'
      ? versions.at(-1)
      : versions.find(({ number }) =>
          version === undefined || version === '$Default'
            ? number === 1
            : number === Number(version),
        );
  if (found !== undefined) return found;
  throw new Ec2Error(
    'InvalidLaunchTemplateId.VersionNotFound',
    `Could not find the specified version ${version} of the launch template ${template.id}.`,
  );
}

/** Tags of a request's specification for one type of resource. */
export function taggedAs(request: Form, resourceType: string): Tags {
  return Object.assign(
    {},
    ...request
      .forms('TagSpecification')
      .filter((one) => one.optional('ResourceType') === resourceType)
      .map((one) => tagsOf(one, 'Tag')),
  ) as Tags;
}

function visibleTemplates({ account, clock }: WireContext): LaunchTemplate[] {
  const nowMs = clock.nowMs();
  return [...account.launchTemplates.values()].filter(({ visibleMs }) => visibleMs <= nowMs);
}

function notFound(what: 'Id' | 'Name', key: string): never {
  throw what === 'Id'
    ? new Ec2Error(
        'InvalidLaunchTemplateId.NotFound',
        `The specified launch template, with template ID ${key}, does not exist.`,
      )
    : new Ec2Error(
        'InvalidLaunchTemplateName.NotFoundException',
        `At least one of the launch templates specified in the request does not exist: ${key}.`,
      );
}

function checkUserData(data: Form): void {
  const userData = data.optional('UserData');
  if (userData === undefined) return;
  if (!/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(userData)) {
    throw new Ec2Error('InvalidUserData.Malformed', 'Invalid BASE64 encoding of user data.');
  }
  if (Buffer.byteLength(userData, 'base64') > userDataMaxBytes) {
    throw new Ec2Error('InvalidUserData.Malformed', 'User data is limited to 16384 bytes.');
  }
}

function templateXml(template: LaunchTemplate, { account }: WireContext): XmlValue {
  return {
    launchTemplateId: template.id,
    launchTemplateName: template.name,
    createTime: isoTime(template.createdMs),
    createdBy: `arn:aws:iam::${account.accountId}:user/simulated`,
    defaultVersionNumber: 1,
    latestVersionNumber: template.versions.length,
    tagSet: tagSet(template.tags),
  };
}

function versionXml(template: LaunchTemplate, version: TemplateVersion): XmlValue {
  return {
    launchTemplateId: template.id,
    launchTemplateName: template.name,
    versionNumber: version.number,
    versionDescription: version.description,
    createTime: isoTime(version.createdMs),
    createdBy: 'simulated',
    defaultVersion: version.number === 1,
    launchTemplateData: answerWords(version.data.tree),
  };
}

/** Lists whose name in answers is another. */
const listNames: Readonly<Record<string, string>> = {
  LicenseSpecification: 'licenseSet',
};
const wordNames: Readonly<Record<string, string>> = { HttpProtocolIpv6: 'httpProtocolIpv6' };

/** What a request says, in the words of an answer: `Tag.1.Key` becomes `tagSet/item/key`. */
function answerWords(
  tree: { readonly [name: string]: FormTree },
  parent = '',
): { readonly [name: string]: XmlValue } {
  return Object.fromEntries(
    Object.entries(tree).map(([name, value]): [string, XmlValue] => {
      const lower = wordNames[name] ?? name.charAt(0).toLowerCase() + name.slice(1);
      if (typeof value === 'string') return [lower, value];
      const numbers = Object.keys(value);
      if (!numbers.every((key) => /^\d+$/.test(key))) return [lower, answerWords(value, name)];
      const items = numbers
        .toSorted((a, b) => Number(a) - Number(b))
        .map((key): XmlValue => {
          const item = value[key];
          return typeof item === 'object' ? answerWords(item, name) : item;
        });
      if (parent === 'NetworkInterface' && name === 'SecurityGroupId') {
        return ['groupSet', new EntryList('groupId', items)];
      }
      return [listNames[name] ?? `${lower}Set`, items];
    }),
  );
}
