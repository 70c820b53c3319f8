"""Numba's compiler without what compiled code can do without. Imports numba at once: is imported to compile.

Numba makes machine code of each function, optimized with all that it calls, since Python may call it. Here nothing but
an entry is called from outside: what it calls stays as it was emitted, and is optimized together with it, once.
"""

from contextlib import suppress

from llvmlite.ir import Constant
from numba import _dynfunc, types
from numba.core import compiler, typed_passes, untyped_passes
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler_machinery import PassManager, register_pass
from numba.core.imputils import lower_builtin
from numba.np import arrayobj

# Of numba's passes those that what is written as a tick is written needs.
PASSES = (
    untyped_passes.TranslateByteCode,
    untyped_passes.FixupArgs,
    untyped_passes.IRProcessing,
    untyped_passes.RewriteSemanticConstants,
    untyped_passes.DeadBranchPrune,
    untyped_passes.GenericRewrites,
    untyped_passes.ReconstructSSA,
    typed_passes.NopythonTypeInference,
    typed_passes.PreLowerStripPhis,
)


class Emitted(JITCodeLibrary):
    """A function as it was emitted: neither optimized nor put into this process."""

    def _optimize_functions(self, ll_module):
        ll_module.data_layout = self._codegen._data_layout

    def finalize(self):
        self._finalized = True

    def together(self, linkage: str):
        """A module of the function with all that it calls; those have a linkage."""
        module, called = self._final_module.clone(), dict.fromkeys([self])
        mine = [f.name for f in module.functions if not f.is_declaration]
        todo = [self]
        for library in todo:
            new = [other for other in dict.fromkeys(library._linking_libraries) if other not in called]
            called.update(dict.fromkeys(new))
            todo += [other for other in new if isinstance(other, Emitted)]
        for library in todo[1:]:
            module.link_in(library._final_module, preserve=True)
        for library in called:  # of numba's own, which are linked only where they are called
            if not isinstance(library, Emitted):
                module.link_in(library._get_module_for_linking(), preserve=True)
        for function in module.functions:
            if not function.is_declaration and function.name not in mine:
                function.linkage = linkage
        return module

    def _get_module_for_linking(self):
        if self._shared_module is None:
            self._shared_module = self.together("linkonce_odr")
            for function in self._final_module.functions:
                if not function.is_declaration:
                    self._shared_module.get_function(function.name).linkage = "linkonce_odr"
        return self._shared_module

    def machine_code(self) -> tuple[bytes, list[str], bool]:
        """The object file of an entry, the functions that it calls and does not hold, and whether it holds addresses of
        this process."""
        self._final_module = module = self.together("internal")
        self._optimize_final_module()
        wanted = [f.name for f in module.functions if f.is_declaration and not f.name.startswith("llvm.")]
        dynamic = any(v.name.startswith("numba.dynamic.globals") for v in module.global_variables)
        return self._codegen._tm.emit_object(module), sorted(wanted), dynamic


class Flags(compiler.Flags):
    """How a function is compiled: one object for all that is compiled so. Numba asks again and again, for every
    operator, whether two are alike, and looks through all that they say."""

    made = {}

    @classmethod
    def of(cls, flags: compiler.Flags) -> "Flags":
        return cls.made.setdefault(flags.copy(), cls(flags))

    def copy(self):
        return self

    __hash__, __eq__, __ne__ = object.__hash__, object.__eq__, object.__ne__


@register_pass(mutates_CFG=True, analysis_only=False)
class Emit(typed_passes.NativeLowering):
    """Numba's lowering, which puts nothing into this process."""

    _name = "emit"

    def run_pass(self, state):
        state.library = Emitted(state.targetctx.codegen(), state.func_id.func_qualname)
        state.flags.no_compile = True
        super().run_pass(state)
        lowered = state["cr"]
        told = lowered.fndesc.lookup_module(), lowered.fndesc.qualname.split(".")[-1], ""
        function = _dynfunc.make_function(*told, 0, lowered.env, (state.library,))  # which nobody calls
        state.targetctx.insert_user_function(function, lowered.fndesc, [state.library])
        state["cr"] = lowered._replace(cfunc=function)
        return True


class Whole(compiler.CompilerBase):
    """All that numba understands."""

    def passes(self):
        build = compiler.DefaultPassBuilder
        for part in (build.define_untyped_pipeline, build.define_typed_pipeline):
            yield from (step for step, _ in part(self.state).passes)
        yield from (typed_passes.NoPythonSupportedFeatureValidation, typed_passes.IRLegalization)

    def define_pipelines(self):
        pipeline = PassManager("nopython")  # as numba calls it in what it says of a mistake
        for step in (*self.passes(), Emit, typed_passes.NoPythonBackend):
            pipeline.add_pass(step, step.name())
        pipeline.finalize()
        return [pipeline]


class Lean(Whole):
    """The passes that most functions need; what they do not suffice for goes through all."""

    def __init__(self, typingctx, targetctx, library, args, return_type, flags, locals):
        self.given = typingctx, targetctx, library, args, return_type, flags, locals
        super().__init__(typingctx, targetctx, library, args, return_type, Flags.of(flags), locals)

    def passes(self):
        return PASSES

    def compile_extra(self, func):
        with suppress(Exception):  # numba has its own, and some that are none of its own
            return super().compile_extra(func)
        return Whole(*self.given).compile_extra(func)


def of_any_value(function):
    """Have a function compiled once for all numbers of a type; numba compiles it for each that stands in a call."""
    template = function.get_call_template
    function.get_call_template = lambda args, kws: template(
        [types.unliteral(a) for a in args], {name: types.unliteral(a) for name, a in kws.items()}
    )
    return function


@lower_builtin("__array__", types.Array)
def array_itself(context, builder, signature, arguments):
    """What numba asks for at every look at an array. It has no answer, and looks for one through all it knows."""
    return arguments[0]


def of_emitted(numbas):
    """How numba makes an index of a number with a sign: one below zero counts from the end, which costs three
    instructions wherever anything is read. What is compiled here has no such index unless it is written as one
    (`a[-1]`): any other is taken as it is. Of this process's other functions numba makes what it always does."""

    def fix_integer_index(context, builder, idxty, idx, size):
        written = isinstance(idx, Constant) and isinstance(idx.constant, int) and idx.constant < 0
        if written or not isinstance(context.active_code_library, Emitted):
            return numbas(context, builder, idxty, idx, size)
        return context.cast(builder, idx, idxty, types.intp if idxty.signed else types.uintp)

    return fix_integer_index


arrayobj.fix_integer_index = of_emitted(arrayobj.fix_integer_index)
