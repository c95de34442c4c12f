declare module "swagger-ui-dist/swagger-ui-es-bundle.js" {
  export default function SwaggerUI(options: { [name: string]: unknown }): unknown;
}

declare module "@asyncapi/react-component/lib/esm/without-parser" {
  import type { AsyncAPIDocumentInterface } from "@asyncapi/parser/esm/models";
  import type { FunctionComponent } from "preact";

  const AsyncApi: FunctionComponent<{ schema: AsyncAPIDocumentInterface | undefined; config: object }>;
  export default AsyncApi;
}
