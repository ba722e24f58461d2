type Value = string | number | undefined;

/** `--name=value`, or nothing where there is no value. */
export const flag = (name: string, value: Value): string[] => (value === undefined ? [] : [`${name}=${value}`]);

/** `--name value`, or nothing where there is no value. */
export const list = (name: string, value: Value): string[] => (value === undefined ? [] : [name, `${value}`]);

export const switchFlag = (name: string, on: boolean | undefined): string[] => (on === true ? [name] : []);
