// A Terraform provider that knows what Honeycomb's accepts, and can do nothing: for `terraform validate`.
//
// schema.json is the schema of honeycombio/honeycombio 0.51.0, without the descriptions and what integrations/ does not
// use, as `terraform providers schema -json` gave it. Formulas are read by Honeycomb's own parser.
package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"log"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"github.com/honeycombio/honeycomb-derived-column-validator/pkg/parser"
)

//go:embed schema.json
var written []byte

type attribute struct {
	Type      json.RawMessage `json:"type"`
	Required  bool            `json:"required"`
	Optional  bool            `json:"optional"`
	Computed  bool            `json:"computed"`
	Sensitive bool            `json:"sensitive"`
}

type nested struct {
	Mode  string `json:"nesting_mode"`
	Block block  `json:"block"`
	Min   int64  `json:"min_items"`
	Max   int64  `json:"max_items"`
}

type block struct {
	Attributes map[string]attribute `json:"attributes"`
	Blocks     map[string]nested    `json:"block_types"`
}

type schema struct {
	Block block `json:"block"`
}

var modes = map[string]tfprotov6.SchemaNestedBlockNestingMode{
	"single": tfprotov6.SchemaNestedBlockNestingModeSingle,
	"list":   tfprotov6.SchemaNestedBlockNestingModeList,
	"set":    tfprotov6.SchemaNestedBlockNestingModeSet,
}

func (b block) converted() (*tfprotov6.SchemaBlock, error) {
	made := &tfprotov6.SchemaBlock{}
	for name, a := range b.Attributes {
		// The only parser of this notation there is; its successor is not public.
		kind, err := tftypes.ParseJSONType(a.Type) //nolint:staticcheck
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		made.Attributes = append(made.Attributes, &tfprotov6.SchemaAttribute{
			Name: name, Type: kind,
			Required: a.Required, Optional: a.Optional, Computed: a.Computed, Sensitive: a.Sensitive,
		})
	}
	for name, n := range b.Blocks {
		mode, known := modes[n.Mode]
		if !known {
			return nil, fmt.Errorf("%s: nesting mode %q", name, n.Mode)
		}
		inner, err := n.Block.converted()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		made.BlockTypes = append(made.BlockTypes, &tfprotov6.SchemaNestedBlock{
			TypeName: name, Nesting: mode, Block: inner, MinItems: n.Min, MaxItems: n.Max,
		})
	}
	return made, nil
}

func converted(schemas map[string]schema) (map[string]*tfprotov6.Schema, error) {
	made := map[string]*tfprotov6.Schema{}
	for name, s := range schemas {
		inner, err := s.Block.converted()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		made[name] = &tfprotov6.Schema{Block: inner}
	}
	return made, nil
}

// provider answers what `validate` asks; to anything else it panics, for the interface it embeds is nil.
type provider struct {
	tfprotov6.ProviderServer
	own             *tfprotov6.Schema
	resources, data map[string]*tfprotov6.Schema
}

func read() (*provider, error) {
	var all struct {
		Provider  schema            `json:"provider"`
		Resources map[string]schema `json:"resource_schemas"`
		Data      map[string]schema `json:"data_source_schemas"`
	}
	if err := json.Unmarshal(written, &all); err != nil {
		return nil, err
	}
	own, err := converted(map[string]schema{"provider": all.Provider})
	if err != nil {
		return nil, err
	}
	resources, err := converted(all.Resources)
	if err != nil {
		return nil, err
	}
	data, err := converted(all.Data)
	if err != nil {
		return nil, err
	}
	return &provider{own: own["provider"], resources: resources, data: data}, nil
}

func (p *provider) GetProviderSchema(
	context.Context, *tfprotov6.GetProviderSchemaRequest,
) (*tfprotov6.GetProviderSchemaResponse, error) {
	return &tfprotov6.GetProviderSchemaResponse{
		Provider: p.own, ResourceSchemas: p.resources, DataSourceSchemas: p.data,
	}, nil
}

func (p *provider) GetResourceIdentitySchemas(
	context.Context, *tfprotov6.GetResourceIdentitySchemasRequest,
) (*tfprotov6.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov6.GetResourceIdentitySchemasResponse{}, nil
}

func (p *provider) ValidateProviderConfig(
	_ context.Context, request *tfprotov6.ValidateProviderConfigRequest,
) (*tfprotov6.ValidateProviderConfigResponse, error) {
	return &tfprotov6.ValidateProviderConfigResponse{PreparedConfig: request.Config}, nil
}

func (p *provider) ValidateDataResourceConfig(
	context.Context, *tfprotov6.ValidateDataResourceConfigRequest,
) (*tfprotov6.ValidateDataResourceConfigResponse, error) {
	return &tfprotov6.ValidateDataResourceConfigResponse{}, nil
}

func (p *provider) ValidateResourceConfig(
	_ context.Context, request *tfprotov6.ValidateResourceConfigRequest,
) (*tfprotov6.ValidateResourceConfigResponse, error) {
	response := &tfprotov6.ValidateResourceConfigResponse{}
	if request.TypeName != "honeycombio_derived_column" {
		return response, nil
	}
	value, err := request.Config.Unmarshal(p.resources[request.TypeName].ValueType())
	if err != nil {
		return nil, err
	}
	var fields map[string]tftypes.Value
	var formula string
	if err := value.As(&fields); err != nil {
		return nil, err
	}
	if !fields["expression"].IsFullyKnown() {
		return response, nil
	}
	if err := fields["expression"].As(&formula); err != nil {
		return nil, err
	}
	if _, err := parser.ANTLRParse(formula, false); err != nil {
		response.Diagnostics = []*tfprotov6.Diagnostic{{
			Severity:  tfprotov6.DiagnosticSeverityError,
			Summary:   "invalid derived column syntax",
			Detail:    err.Error(),
			Attribute: tftypes.NewAttributePath().WithAttributeName("expression"),
		}}
	}
	return response, nil
}

func (p *provider) StopProvider(
	context.Context, *tfprotov6.StopProviderRequest,
) (*tfprotov6.StopProviderResponse, error) {
	return &tfprotov6.StopProviderResponse{}, nil
}

func main() {
	p, err := read()
	if err == nil {
		err = tf6server.Serve("registry.terraform.io/honeycombio/honeycombio", func() tfprotov6.ProviderServer { return p })
	}
	if err != nil {
		log.Fatal(err)
	}
}
