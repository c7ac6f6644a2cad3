"""What each MIL op computes: a registry and one module for each MIL family."""

from mlparity.engine.ops import activation as activation
from mlparity.engine.ops import classify as classify
from mlparity.engine.ops import constexpr_ops as constexpr_ops
from mlparity.engine.ops import control_flow as control_flow
from mlparity.engine.ops import conv as conv
from mlparity.engine.ops import elementwise_binary as elementwise_binary
from mlparity.engine.ops import elementwise_unary as elementwise_unary
from mlparity.engine.ops import image_resizing as image_resizing
from mlparity.engine.ops import image_sampling as image_sampling
from mlparity.engine.ops import linear as linear
from mlparity.engine.ops import lists as lists
from mlparity.engine.ops import lstm as lstm
from mlparity.engine.ops import non_maximum_suppression as non_maximum_suppression
from mlparity.engine.ops import normalization as normalization
from mlparity.engine.ops import pad as pad
from mlparity.engine.ops import pool as pool
from mlparity.engine.ops import quantization_ops as quantization_ops
from mlparity.engine.ops import random as random
from mlparity.engine.ops import recurrent as recurrent
from mlparity.engine.ops import reduction as reduction
from mlparity.engine.ops import scatter_gather as scatter_gather
from mlparity.engine.ops import slicing as slicing
from mlparity.engine.ops import states as states
from mlparity.engine.ops import tensor_operation as tensor_operation
from mlparity.engine.ops import tensor_transformation as tensor_transformation
from mlparity.engine.ops import transformers as transformers
