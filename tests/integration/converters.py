"""Connect's converters, as settings of a connector: the forms that records can have."""
import os

JSON = "org.apache.kafka.connect.json.JsonConverter"
AVRO = "io.apicurio.registry.utils.converter.AvroConverter"
REGISTRY = os.environ.get("TIDEMARK_STACK_REGISTRY")  # with `scripts/stack --with registry`


def both_sides(converter):
    """{"": class, ".setting": value} for keys and values."""
    return {f"{side}.converter{name}": value for side in ("key", "value")
            for name, value in converter.items()}


def json(schemas):
    return both_sides({"": JSON, ".schemas.enable": str(schemas).lower(),
                       ".replace.null.with.default": "false"})


def own_api():
    """Where Apicurio's converters register."""
    return (REGISTRY or "").replace("/apis/ccompat/v7", "/apis/registry/v2")


def of_registry(converter):
    """A converter of Apicurio's, in Confluent's wire format: a zero, four bytes of the schema's id."""
    return {"": converter,
            ".apicurio.registry.url": own_api(),
            ".apicurio.registry.auto-register": "true", ".apicurio.registry.find-latest": "true",
            ".apicurio.registry.as-confluent": "true", ".apicurio.registry.headers.enabled": "false",
            ".apicurio.registry.use-id": "contentId"}


def avro():
    return {"schema.name.adjustment.mode": "avro", "field.name.adjustment.mode": "avro",
            **both_sides(of_registry(AVRO))}
