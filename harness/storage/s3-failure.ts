import { errnoOf, HarnessError, messageOfUnknown } from "../types";

interface Where {
  bucket: string;
  region: string;
  endpoint: string | undefined;
  profile: string | undefined;
}

interface Explanation {
  summary: string;
  expected: string;
  todo: string;
}

const UNREACHABLE = /^(ECONNREFUSED|ENOTFOUND|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ECONNRESET|EAI_AGAIN|EPROTO)$/;

/** What a person has to mend when a bucket can't be used: one REMOTE_STORAGE_UNUSABLE, which names variable or profile. */
export function explainS3Failure(error: unknown, where: Where): HarnessError {
  const { summary, expected, todo } = explain(error, where);
  const found = messageOfUnknown(error);
  return new HarnessError("REMOTE_STORAGE_UNUSABLE", { summary, expected, found, todo, cause: error });
}

function explain(error: unknown, where: Where): Explanation {
  const name = error instanceof Error ? error.name : "";
  const message = messageOfUnknown(error);
  const who = where.profile === undefined || where.profile === "" ? undefined : `profile ${where.profile}`;
  if (/SSO/i.test(message) && /expired|invalid|refresh/i.test(message)) return ssoExpired(where.profile);
  if (/Credential|TokenProvider/.test(name)) return noCredentials(who);
  if (/Timeout/i.test(name) || UNREACHABLE.test(errnoOf(error) ?? "")) return noAnswer(where);
  switch (name) {
    case "NoSuchBucket":
    case "NotFound":
      return {
        summary: `the bucket ${where.bucket} does not exist`,
        expected: `the bucket that REMOTE_STORAGE_S3_BUCKET names, at ${where.endpoint ?? where.region}`,
        todo: "create it, or correct REMOTE_STORAGE_S3_BUCKET or REMOTE_STORAGE_S3_REGION",
      };
    case "InvalidAccessKeyId":
    case "SignatureDoesNotMatch":
    case "InvalidToken":
    case "ExpiredToken":
    case "ExpiredTokenException":
      return {
        summary: `S3 does not take the keys of ${who ?? "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"}`,
        expected: "valid keys",
        todo: who === undefined ? "set valid keys, with AWS_SESSION_TOKEN where they are temporary" : "renew its keys",
      };
    case "PermanentRedirect":
    case "AuthorizationHeaderMalformed":
      return {
        summary: `the bucket ${where.bucket} is in another region than ${where.region}`,
        expected: "REMOTE_STORAGE_S3_REGION to be the bucket's region",
        todo: "correct REMOTE_STORAGE_S3_REGION",
      };
    case "AccessDenied":
      return {
        summary: `the keys of ${who ?? "the environment"} may not list the bucket ${where.bucket}`,
        expected: "the right to list, read, write and delete in it",
        todo: "give them that right, or use others",
      };
  }
  return {
    summary: `the bucket ${where.bucket} can't be used`,
    expected: `a bucket at ${where.endpoint ?? where.region}`,
    todo: "see whether `aws s3 ls` with the same environment works",
  };
}

function ssoExpired(profile: string | undefined): Explanation {
  const name = profile ?? "default";
  return {
    summary: `the SSO session of profile ${name} has expired`,
    expected: "a session that is logged in",
    todo: `run \`aws sso login --profile ${name}\``,
  };
}

function noCredentials(who: string | undefined): Explanation {
  if (who === undefined) {
    return {
      summary: "real_s3 is asked for, and there are no AWS credentials",
      expected: "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
      todo: "set them, or unset ENABLE_REAL_S3_REMOTE_STORAGE to test against mock_s3",
    };
  }
  return {
    summary: `${who} (AWS_PROFILE) gives no credentials`,
    expected: "a profile with keys, a role, or an SSO session",
    todo: "correct AWS_PROFILE, or the profile in ~/.aws/config and ~/.aws/credentials",
  };
}

function noAnswer({ endpoint, region }: Where): Explanation {
  if (endpoint === undefined) {
    return {
      summary: `S3 in ${region} does not answer`,
      expected: "a network from which it can be reached",
      todo: "correct REMOTE_STORAGE_S3_REGION, or see to the network",
    };
  }
  return {
    summary: `the S3 end point ${endpoint} does not answer`,
    expected: "a server there",
    todo: "start it, or correct AWS_ENDPOINT_URL_S3 (or endpoint_url in the profile's services)",
  };
}
